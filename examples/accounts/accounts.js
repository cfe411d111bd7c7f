// Shows the accounts of the logged-in user, and renames one.

const api = '/api/salesforce';
let csrfToken = '';

const element = (id) => document.getElementById(id);
const show = (text) => { element('state').textContent = text; };

/** Sends a call. Throws the text of a refusal. */
async function call(path, options = {}) {
    const headers = { 'X-CSRF-Token': csrfToken, ...(options.body && { 'Content-Type': 'application/json' }) };
    const response = await fetch(path, { ...options, headers });
    if (response.status === 401) {
        element('login').hidden = false;
        element('search').hidden = true;
        throw new Error('Please log in.');
    }
    const text = await response.text();
    const body = text ? JSON.parse(text) : null;
    if (!response.ok) throw new Error(body?.[0]?.message ?? `Status ${response.status}`);
    return body;
}

/** A text of SOQL. Quotes and backslashes are escaped, and so are the wildcards of LIKE. */
function quoted(text) {
    return "'" + text.replace(/[\\'%_]/g, '\\$&') + "%'";
}

async function search(name) {
    const condition = name ? ` WHERE Name LIKE ${quoted(name)}` : '';
    const soql = `SELECT Id, Name, BillingCity FROM Account${condition} ORDER BY Name LIMIT 50`;
    const found = await call(`${api}/query?q=${encodeURIComponent(soql)}`);
    const body = element('accounts').querySelector('tbody');
    body.replaceChildren(...found.records.map(row));
    element('accounts').hidden = false;
    show(`${found.records.length} accounts`);
}

function row(account) {
    const cells = [account.Name, account.BillingCity ?? ''].map((text) => {
        const cell = document.createElement('td');
        cell.textContent = text;
        return cell;
    });
    const button = document.createElement('button');
    button.textContent = 'Rename';
    button.addEventListener('click', () => attempt(async () => {
        const name = window.prompt('New name', account.Name);
        if (!name) return;
        await call(`${api}/sobjects/Account/${account.Id}`, { method: 'PATCH', body: JSON.stringify({ Name: name }) });
        account.Name = name;
        cells[0].textContent = name;
        show('Renamed in Salesforce.');
    }));
    const action = document.createElement('td');
    action.append(button);
    const line = document.createElement('tr');
    line.append(...cells, action);
    return line;
}

async function attempt(work) {
    try {
        await work();
    } catch (error) {
        show(error.message);
    }
}

element('search').addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(() => search(new FormData(event.target).get('name')));
});
element('logout').addEventListener('click', () => attempt(async () => {
    await call('/api/logout', { method: 'POST' });
    window.location.reload();
}));
attempt(async () => {
    const me = await call('/api/me');
    csrfToken = me.csrfToken;
    element('search').hidden = false;
    show(`${me.displayName ?? me.username}, ${me.organizationName}`);
    await search('');
});
