import { LightningElement } from 'lwc';
import loadPanel from '@salesforce/apex/ConnectionPanelController.panel';
import registerOrg from '@salesforce/apex/ConnectionPanelController.register';

/** The state of the connection, the consent link and the log. */
export default class ConnectionPanel extends LightningElement {
    panel;
    problem;
    isBusy = false;

    connectedCallback() {
        this.load();
    }

    async load() {
        try {
            this.panel = await loadPanel();
            this.problem = undefined;
        } catch (error) {
            this.problem = error?.body?.message ?? String(error);
        }
    }

    async register() {
        this.isBusy = true;
        try {
            const outcome = await registerOrg();
            await this.load();
            this.problem = outcome.startsWith('Status ') ? outcome : undefined;
        } catch (error) {
            this.problem = error?.body?.message ?? String(error);
        } finally {
            this.isBusy = false;
        }
    }
}
