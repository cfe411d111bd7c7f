CREATE SCHEMA heroku_ext;
CREATE SCHEMA salesforce00d000000000001eaa;
CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA heroku_ext;
CREATE FUNCTION public.get_xmlbinary() RETURNS character varying
    LANGUAGE sql STABLE
    AS $$select pg_catalog.current_setting('xmlbinary')::varchar$$;
CREATE FUNCTION salesforce00d000000000001eaa.hc_account_logger() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
  old_values "heroku_ext".hstore;
  new_values text;
  date_style text;
  float_digits text;
BEGIN
  IF pg_catalog.current_setting('datestyle') NOT LIKE 'ISO,%'
    OR pg_catalog.current_setting('extra_float_digits') NOT IN ('1', '2', '3') THEN
    date_style = pg_catalog.current_setting('datestyle');
    float_digits = pg_catalog.current_setting('extra_float_digits');
    PERFORM pg_catalog.set_config('datestyle', 'ISO, YMD', true),
      pg_catalog.set_config('extra_float_digits', '1', true);
  END IF;
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "salesforce00d000000000001eaa"._trigger_log (txid, created_at, updated_at, state, action, table_name, record_id, "values")
    VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), 'NEW', 'INSERT', TG_TABLE_NAME, NEW.id,
      ("heroku_ext".hstore(NEW) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[])::text);
  ELSIF TG_OP = 'UPDATE' THEN
    old_values = "heroku_ext".hstore(OLD) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[];
    new_values = ("heroku_ext".hstore(NEW) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[] OPERATOR("heroku_ext".-) old_values)::text;
    INSERT INTO "salesforce00d000000000001eaa"._trigger_log (txid, created_at, updated_at, state, action, table_name, record_id, sfid, old, "values")
    VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), CASE WHEN new_values = '' THEN 'IGNORE' ELSE 'NEW' END, 'UPDATE',
      TG_TABLE_NAME, NEW.id, OLD.sfid, old_values::text, new_values);
  ELSE
    INSERT INTO "salesforce00d000000000001eaa"._trigger_log (txid, created_at, updated_at, state, action, table_name, record_id, sfid, old)
    VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), CASE WHEN OLD.sfid IS NULL THEN 'IGNORE' ELSE 'NEW' END, 'DELETE',
      TG_TABLE_NAME, OLD.id, OLD.sfid, ("heroku_ext".hstore(OLD) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[])::text);
  END IF;
  IF date_style IS NOT NULL THEN
    PERFORM pg_catalog.set_config('datestyle', date_style, true),
      pg_catalog.set_config('extra_float_digits', float_digits, true);
  END IF;
  RETURN NULL;
END;
$$;
CREATE FUNCTION salesforce00d000000000001eaa.hc_account_status() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF pg_catalog.current_setting('xmlbinary') = 'base64' THEN
    IF TG_OP = 'UPDATE' AND NEW OPERATOR(pg_catalog.*=) OLD THEN
      RETURN NEW;
    END IF;
    NEW._hc_lastop = 'PENDING';
    NEW._hc_err = NULL;
    RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' AND NEW._hc_lastop IS NOT NULL AND (NEW._hc_lastop <> OLD._hc_lastop
    OR pg_catalog.current_setting('multiconnect.status', true) = 'keep') THEN
    RETURN NEW;
  END IF;
  NEW._hc_lastop = 'SYNCED';
  NEW._hc_err = NULL;
  RETURN NEW;
END;
$$;
CREATE FUNCTION salesforce00d000000000001eaa.hc_capture_insert_from_row(source_row heroku_ext.hstore, table_name character varying, excluded_cols text[] DEFAULT '{}'::text[]) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE
  log_id integer;
  excluded text[];
BEGIN
  IF (source_row OPERATOR("heroku_ext".->) 'id') IS NULL THEN
    RETURN NULL;
  END IF;
  excluded = pg_catalog.array_remove(pg_catalog.array_remove(excluded_cols, 'id'), 'sfid')
    || ARRAY['_hc_lastop', '_hc_err'];
  INSERT INTO "salesforce00d000000000001eaa"._trigger_log (txid, created_at, updated_at, state, action, table_name, record_id, "values")
  VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(),
    'NEW', 'INSERT', hc_capture_insert_from_row.table_name,
    (source_row OPERATOR("heroku_ext".->) 'id')::integer,
    (source_row OPERATOR("heroku_ext".-) excluded)::text)
  RETURNING id INTO log_id;
  RETURN log_id;
END;
$$;
CREATE FUNCTION salesforce00d000000000001eaa.hc_capture_update_from_row(source_row heroku_ext.hstore, table_name character varying, columns_to_include text[] DEFAULT '{}'::text[]) RETURNS integer
    LANGUAGE plpgsql
    AS $$
DECLARE
  log_id integer;
  captured "heroku_ext".hstore;
BEGIN
  IF (source_row OPERATOR("heroku_ext".->) 'id') IS NULL THEN
    RETURN NULL;
  END IF;
  captured = source_row OPERATOR("heroku_ext".-) ARRAY['_hc_lastop', '_hc_err'];
  IF pg_catalog.cardinality(columns_to_include) > 0 THEN
    captured = "heroku_ext".slice(captured, columns_to_include);
  END IF;
  INSERT INTO "salesforce00d000000000001eaa"._trigger_log (txid, created_at, updated_at, state, action, table_name,
    record_id, sfid, "values")
  VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(),
    'NEW', 'UPDATE', hc_capture_update_from_row.table_name,
    (source_row OPERATOR("heroku_ext".->) 'id')::integer,
    source_row OPERATOR("heroku_ext".->) 'sfid', captured::text)
  RETURNING id INTO log_id;
  RETURN log_id;
END;
$$;
CREATE FUNCTION salesforce00d000000000001eaa.hc_connection__c_logger() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
  old_values "heroku_ext".hstore;
  new_values text;
  date_style text;
  float_digits text;
BEGIN
  IF pg_catalog.current_setting('datestyle') NOT LIKE 'ISO,%'
    OR pg_catalog.current_setting('extra_float_digits') NOT IN ('1', '2', '3') THEN
    date_style = pg_catalog.current_setting('datestyle');
    float_digits = pg_catalog.current_setting('extra_float_digits');
    PERFORM pg_catalog.set_config('datestyle', 'ISO, YMD', true),
      pg_catalog.set_config('extra_float_digits', '1', true);
  END IF;
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "salesforce00d000000000001eaa"._trigger_log (txid, created_at, updated_at, state, action, table_name, record_id, "values")
    VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), 'NEW', 'INSERT', TG_TABLE_NAME, NEW.id,
      ("heroku_ext".hstore(NEW) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[])::text);
  ELSIF TG_OP = 'UPDATE' THEN
    old_values = "heroku_ext".hstore(OLD) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[];
    new_values = ("heroku_ext".hstore(NEW) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[] OPERATOR("heroku_ext".-) old_values)::text;
    INSERT INTO "salesforce00d000000000001eaa"._trigger_log (txid, created_at, updated_at, state, action, table_name, record_id, sfid, old, "values")
    VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), CASE WHEN new_values = '' THEN 'IGNORE' ELSE 'NEW' END, 'UPDATE',
      TG_TABLE_NAME, NEW.id, OLD.sfid, old_values::text, new_values);
  ELSE
    INSERT INTO "salesforce00d000000000001eaa"._trigger_log (txid, created_at, updated_at, state, action, table_name, record_id, sfid, old)
    VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), CASE WHEN OLD.sfid IS NULL THEN 'IGNORE' ELSE 'NEW' END, 'DELETE',
      TG_TABLE_NAME, OLD.id, OLD.sfid, ("heroku_ext".hstore(OLD) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[])::text);
  END IF;
  IF date_style IS NOT NULL THEN
    PERFORM pg_catalog.set_config('datestyle', date_style, true),
      pg_catalog.set_config('extra_float_digits', float_digits, true);
  END IF;
  RETURN NULL;
END;
$$;
CREATE FUNCTION salesforce00d000000000001eaa.hc_connection__c_status() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF pg_catalog.current_setting('xmlbinary') = 'base64' THEN
    IF TG_OP = 'UPDATE' AND NEW OPERATOR(pg_catalog.*=) OLD THEN
      RETURN NEW;
    END IF;
    NEW._hc_lastop = 'PENDING';
    NEW._hc_err = NULL;
    RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' AND NEW._hc_lastop IS NOT NULL AND (NEW._hc_lastop <> OLD._hc_lastop
    OR pg_catalog.current_setting('multiconnect.status', true) = 'keep') THEN
    RETURN NEW;
  END IF;
  NEW._hc_lastop = 'SYNCED';
  NEW._hc_err = NULL;
  RETURN NEW;
END;
$$;
CREATE FUNCTION salesforce00d000000000001eaa.hc_contact_logger() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
  old_values "heroku_ext".hstore;
  new_values text;
  date_style text;
  float_digits text;
BEGIN
  IF pg_catalog.current_setting('datestyle') NOT LIKE 'ISO,%'
    OR pg_catalog.current_setting('extra_float_digits') NOT IN ('1', '2', '3') THEN
    date_style = pg_catalog.current_setting('datestyle');
    float_digits = pg_catalog.current_setting('extra_float_digits');
    PERFORM pg_catalog.set_config('datestyle', 'ISO, YMD', true),
      pg_catalog.set_config('extra_float_digits', '1', true);
  END IF;
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "salesforce00d000000000001eaa"._trigger_log (txid, created_at, updated_at, state, action, table_name, record_id, "values")
    VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), 'READONLY', 'INSERT', TG_TABLE_NAME, NEW.id,
      ("heroku_ext".hstore(NEW) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[])::text);
  ELSIF TG_OP = 'UPDATE' THEN
    old_values = "heroku_ext".hstore(OLD) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[];
    new_values = ("heroku_ext".hstore(NEW) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[] OPERATOR("heroku_ext".-) old_values)::text;
    INSERT INTO "salesforce00d000000000001eaa"._trigger_log (txid, created_at, updated_at, state, action, table_name, record_id, sfid, old, "values")
    VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), 'READONLY', 'UPDATE',
      TG_TABLE_NAME, NEW.id, OLD.sfid, old_values::text, new_values);
  ELSE
    INSERT INTO "salesforce00d000000000001eaa"._trigger_log (txid, created_at, updated_at, state, action, table_name, record_id, sfid, old)
    VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), 'READONLY', 'DELETE',
      TG_TABLE_NAME, OLD.id, OLD.sfid, ("heroku_ext".hstore(OLD) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[])::text);
  END IF;
  IF date_style IS NOT NULL THEN
    PERFORM pg_catalog.set_config('datestyle', date_style, true),
      pg_catalog.set_config('extra_float_digits', float_digits, true);
  END IF;
  RETURN NULL;
END;
$$;
CREATE FUNCTION salesforce00d000000000001eaa.hc_contact_status() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF pg_catalog.current_setting('xmlbinary') = 'base64' THEN
    IF TG_OP = 'UPDATE' AND NEW OPERATOR(pg_catalog.*=) OLD THEN
      RETURN NEW;
    END IF;
    NEW._hc_lastop = 'PENDING';
    NEW._hc_err = NULL;
    RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' AND NEW._hc_lastop IS NOT NULL AND (NEW._hc_lastop <> OLD._hc_lastop
    OR pg_catalog.current_setting('multiconnect.status', true) = 'keep') THEN
    RETURN NEW;
  END IF;
  NEW._hc_lastop = 'SYNCED';
  NEW._hc_err = NULL;
  RETURN NEW;
END;
$$;
CREATE FUNCTION salesforce00d000000000001eaa.hc_tweet__c_logger() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
  old_values "heroku_ext".hstore;
  new_values text;
  date_style text;
  float_digits text;
BEGIN
  IF pg_catalog.current_setting('datestyle') NOT LIKE 'ISO,%'
    OR pg_catalog.current_setting('extra_float_digits') NOT IN ('1', '2', '3') THEN
    date_style = pg_catalog.current_setting('datestyle');
    float_digits = pg_catalog.current_setting('extra_float_digits');
    PERFORM pg_catalog.set_config('datestyle', 'ISO, YMD', true),
      pg_catalog.set_config('extra_float_digits', '1', true);
  END IF;
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "salesforce00d000000000001eaa"._trigger_log (txid, created_at, updated_at, state, action, table_name, record_id, "values")
    VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), 'NEW', 'INSERT', TG_TABLE_NAME, NEW.id,
      ("heroku_ext".hstore(NEW) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[])::text);
  ELSIF TG_OP = 'UPDATE' THEN
    old_values = "heroku_ext".hstore(OLD) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[];
    new_values = ("heroku_ext".hstore(NEW) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[] OPERATOR("heroku_ext".-) old_values)::text;
    INSERT INTO "salesforce00d000000000001eaa"._trigger_log (txid, created_at, updated_at, state, action, table_name, record_id, sfid, old, "values")
    VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), CASE WHEN new_values = '' THEN 'IGNORE' ELSE 'NEW' END, 'UPDATE',
      TG_TABLE_NAME, NEW.id, OLD.sfid, old_values::text, new_values);
  ELSE
    INSERT INTO "salesforce00d000000000001eaa"._trigger_log (txid, created_at, updated_at, state, action, table_name, record_id, sfid, old)
    VALUES (pg_catalog.txid_current(), pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(), CASE WHEN OLD.sfid IS NULL THEN 'IGNORE' ELSE 'NEW' END, 'DELETE',
      TG_TABLE_NAME, OLD.id, OLD.sfid, ("heroku_ext".hstore(OLD) OPERATOR("heroku_ext".-) '{_hc_lastop,_hc_err}'::text[])::text);
  END IF;
  IF date_style IS NOT NULL THEN
    PERFORM pg_catalog.set_config('datestyle', date_style, true),
      pg_catalog.set_config('extra_float_digits', float_digits, true);
  END IF;
  RETURN NULL;
END;
$$;
CREATE FUNCTION salesforce00d000000000001eaa.hc_tweet__c_status() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF pg_catalog.current_setting('xmlbinary') = 'base64' THEN
    IF TG_OP = 'UPDATE' AND NEW OPERATOR(pg_catalog.*=) OLD THEN
      RETURN NEW;
    END IF;
    NEW._hc_lastop = 'PENDING';
    NEW._hc_err = NULL;
    RETURN NEW;
  END IF;
  IF TG_OP = 'UPDATE' AND NEW._hc_lastop IS NOT NULL AND (NEW._hc_lastop <> OLD._hc_lastop
    OR pg_catalog.current_setting('multiconnect.status', true) = 'keep') THEN
    RETURN NEW;
  END IF;
  NEW._hc_lastop = 'SYNCED';
  NEW._hc_err = NULL;
  RETURN NEW;
END;
$$;
CREATE FUNCTION salesforce00d000000000001eaa.tlog_notify() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM "salesforce00d000000000001eaa"._hcmeta WHERE details = 'draining') THEN
    PERFORM pg_catalog.pg_notify('salesforce00d000000000001eaa.hc_trigger_log', 'ping'),
      pg_catalog.pg_notify('multiconnect_writes', 'salesforce00d000000000001eaa');
  END IF;
END;
$$;
CREATE FUNCTION salesforce00d000000000001eaa.tlog_notify_trigger() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF pg_catalog.current_setting('multiconnect.notified', true) IS DISTINCT FROM 'salesforce00d000000000001eaa' THEN
    PERFORM pg_catalog.set_config('multiconnect.notified', 'salesforce00d000000000001eaa', true), "salesforce00d000000000001eaa".tlog_notify();
  END IF;
  RETURN NULL;
END;
$$;
CREATE TABLE salesforce00d000000000001eaa._hcmeta (
    id integer NOT NULL,
    hcver integer,
    org_id character varying(50),
    details text
);
CREATE SEQUENCE salesforce00d000000000001eaa._hcmeta_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE salesforce00d000000000001eaa._hcmeta_id_seq OWNED BY salesforce00d000000000001eaa._hcmeta.id;
CREATE TABLE salesforce00d000000000001eaa._sf_event_log (
    id integer NOT NULL,
    table_name character varying(128),
    action character varying(7),
    synced_at timestamp with time zone DEFAULT now(),
    sf_timestamp timestamp with time zone,
    sfid character varying(20),
    record text,
    processed boolean
);
CREATE SEQUENCE salesforce00d000000000001eaa._sf_event_log_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE salesforce00d000000000001eaa._sf_event_log_id_seq OWNED BY salesforce00d000000000001eaa._sf_event_log.id;
CREATE TABLE salesforce00d000000000001eaa._trigger_log (
    id integer NOT NULL,
    txid bigint,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now(),
    processed_at timestamp with time zone,
    processed_tx bigint,
    state character varying(8),
    action character varying(7),
    table_name character varying(128),
    record_id integer,
    sfid character varying(18),
    old text,
    "values" text,
    sf_result integer,
    sf_message text
)
WITH (autovacuum_vacuum_scale_factor='0.01', autovacuum_vacuum_threshold='2000', autovacuum_vacuum_cost_delay='0');
CREATE TABLE salesforce00d000000000001eaa._trigger_log_archive (
    id integer NOT NULL,
    txid bigint,
    created_at timestamp with time zone,
    updated_at timestamp with time zone,
    processed_at timestamp with time zone,
    processed_tx bigint,
    state character varying(8),
    action character varying(7),
    table_name character varying(128),
    record_id integer,
    sfid character varying(18),
    old text,
    "values" text,
    sf_result integer,
    sf_message text
);
CREATE SEQUENCE salesforce00d000000000001eaa._trigger_log_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE salesforce00d000000000001eaa._trigger_log_id_seq OWNED BY salesforce00d000000000001eaa._trigger_log.id;
CREATE TABLE salesforce00d000000000001eaa.account (
    accountnumber character varying(40),
    annualrevenue double precision,
    billingcity character varying(40),
    billingcountry character varying(80),
    billinglatitude double precision,
    billinglongitude double precision,
    billingpostalcode character varying(20),
    billingstate character varying(80),
    billingstreet character varying(255),
    createddate timestamp without time zone,
    description text,
    fax character varying(40),
    industry character varying(40),
    isdeleted boolean,
    lastmodifieddate timestamp without time zone,
    name character varying(255),
    numberofemployees integer,
    ownerid character varying(18),
    ownership character varying(40),
    parentid character varying(18),
    phone character varying(40),
    rating character varying(40),
    shippingcity character varying(40),
    shippingcountry character varying(80),
    shippingpostalcode character varying(20),
    shippingstate character varying(80),
    shippingstreet character varying(255),
    sic character varying(20),
    sicdesc character varying(80),
    site character varying(80),
    systemmodstamp timestamp without time zone,
    tickersymbol character varying(20),
    type character varying(40),
    website character varying(255),
    sfid character varying(18) COLLATE pg_catalog.ucs_basic,
    id integer NOT NULL,
    _hc_lastop character varying(32),
    _hc_err text
);
CREATE SEQUENCE salesforce00d000000000001eaa.account_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE salesforce00d000000000001eaa.account_id_seq OWNED BY salesforce00d000000000001eaa.account.id;
CREATE TABLE salesforce00d000000000001eaa.connection__c (
    authorize_url__c character varying(255),
    connection_id__c character varying(40),
    createddate timestamp without time zone,
    isdeleted boolean,
    lastmodifieddate timestamp without time zone,
    name character varying(80),
    ownerid character varying(18),
    status__c character varying(255),
    systemmodstamp timestamp without time zone,
    sfid character varying(18) COLLATE pg_catalog.ucs_basic,
    id integer NOT NULL,
    _hc_lastop character varying(32),
    _hc_err text
);
CREATE SEQUENCE salesforce00d000000000001eaa.connection__c_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE salesforce00d000000000001eaa.connection__c_id_seq OWNED BY salesforce00d000000000001eaa.connection__c.id;
CREATE TABLE salesforce00d000000000001eaa.contact (
    accountid character varying(18),
    birthdate date,
    createddate timestamp without time zone,
    department character varying(80),
    description text,
    email character varying(80),
    firstname character varying(40),
    isdeleted boolean,
    lastmodifieddate timestamp without time zone,
    lastname character varying(80),
    leadsource character varying(255),
    mailingcity character varying(40),
    mailingcountry character varying(80),
    mailingpostalcode character varying(20),
    mailingstate character varying(80),
    mailingstreet character varying(255),
    mobilephone character varying(40),
    name character varying(121),
    ownerid character varying(18),
    phone character varying(40),
    salutation character varying(40),
    systemmodstamp timestamp without time zone,
    title character varying(128),
    sfid character varying(18) COLLATE pg_catalog.ucs_basic,
    id integer NOT NULL,
    _hc_lastop character varying(32),
    _hc_err text
);
CREATE SEQUENCE salesforce00d000000000001eaa.contact_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE salesforce00d000000000001eaa.contact_id_seq OWNED BY salesforce00d000000000001eaa.contact.id;
CREATE TABLE salesforce00d000000000001eaa.tweet__c (
    account__c character varying(18),
    author__c character varying(80),
    createddate timestamp without time zone,
    external_id__c character varying(40),
    isdeleted boolean,
    lastmodifieddate timestamp without time zone,
    likes__c double precision,
    name character varying(80),
    ownerid character varying(18),
    posted_at__c timestamp without time zone,
    systemmodstamp timestamp without time zone,
    text__c text,
    sfid character varying(18) COLLATE pg_catalog.ucs_basic,
    id integer NOT NULL,
    _hc_lastop character varying(32),
    _hc_err text
);
CREATE SEQUENCE salesforce00d000000000001eaa.tweet__c_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE salesforce00d000000000001eaa.tweet__c_id_seq OWNED BY salesforce00d000000000001eaa.tweet__c.id;
ALTER TABLE ONLY salesforce00d000000000001eaa._hcmeta ALTER COLUMN id SET DEFAULT nextval('salesforce00d000000000001eaa._hcmeta_id_seq'::regclass);
ALTER TABLE ONLY salesforce00d000000000001eaa._sf_event_log ALTER COLUMN id SET DEFAULT nextval('salesforce00d000000000001eaa._sf_event_log_id_seq'::regclass);
ALTER TABLE ONLY salesforce00d000000000001eaa._trigger_log ALTER COLUMN id SET DEFAULT nextval('salesforce00d000000000001eaa._trigger_log_id_seq'::regclass);
ALTER TABLE ONLY salesforce00d000000000001eaa.account ALTER COLUMN id SET DEFAULT nextval('salesforce00d000000000001eaa.account_id_seq'::regclass);
ALTER TABLE ONLY salesforce00d000000000001eaa.connection__c ALTER COLUMN id SET DEFAULT nextval('salesforce00d000000000001eaa.connection__c_id_seq'::regclass);
ALTER TABLE ONLY salesforce00d000000000001eaa.contact ALTER COLUMN id SET DEFAULT nextval('salesforce00d000000000001eaa.contact_id_seq'::regclass);
ALTER TABLE ONLY salesforce00d000000000001eaa.tweet__c ALTER COLUMN id SET DEFAULT nextval('salesforce00d000000000001eaa.tweet__c_id_seq'::regclass);
ALTER TABLE ONLY salesforce00d000000000001eaa._hcmeta
    ADD CONSTRAINT _hcmeta_pkey PRIMARY KEY (id);
ALTER TABLE ONLY salesforce00d000000000001eaa._sf_event_log
    ADD CONSTRAINT _sf_event_log_pkey PRIMARY KEY (id);
ALTER TABLE ONLY salesforce00d000000000001eaa._trigger_log_archive
    ADD CONSTRAINT _trigger_log_archive_pkey PRIMARY KEY (id);
ALTER TABLE ONLY salesforce00d000000000001eaa._trigger_log
    ADD CONSTRAINT _trigger_log_pkey PRIMARY KEY (id);
ALTER TABLE ONLY salesforce00d000000000001eaa.account
    ADD CONSTRAINT account_pkey PRIMARY KEY (id);
ALTER TABLE ONLY salesforce00d000000000001eaa.connection__c
    ADD CONSTRAINT connection__c_pkey PRIMARY KEY (id);
ALTER TABLE ONLY salesforce00d000000000001eaa.contact
    ADD CONSTRAINT contact_pkey PRIMARY KEY (id);
ALTER TABLE ONLY salesforce00d000000000001eaa.tweet__c
    ADD CONSTRAINT tweet__c_pkey PRIMARY KEY (id);
CREATE INDEX _trigger_log_archive_idx_created_at ON salesforce00d000000000001eaa._trigger_log_archive USING btree (created_at);
CREATE INDEX _trigger_log_archive_idx_record_id ON salesforce00d000000000001eaa._trigger_log_archive USING btree (record_id);
CREATE INDEX _trigger_log_archive_idx_requeue ON salesforce00d000000000001eaa._trigger_log_archive USING btree (id) WHERE ((state)::text = 'REQUEUE'::text);
CREATE INDEX _trigger_log_archive_idx_state_table_name ON salesforce00d000000000001eaa._trigger_log_archive USING btree (state, table_name) WHERE ((state)::text = 'FAILED'::text);
CREATE INDEX _trigger_log_idx_created_at ON salesforce00d000000000001eaa._trigger_log USING btree (created_at);
CREATE INDEX _trigger_log_idx_deleted ON salesforce00d000000000001eaa._trigger_log USING btree (sfid) WHERE ((action)::text = 'DELETE'::text);
CREATE INDEX _trigger_log_idx_record_id ON salesforce00d000000000001eaa._trigger_log USING btree (record_id);
CREATE INDEX _trigger_log_idx_state_id ON salesforce00d000000000001eaa._trigger_log USING btree (state, id);
CREATE INDEX _trigger_log_idx_state_table_name ON salesforce00d000000000001eaa._trigger_log USING btree (state, table_name) WHERE (((state)::text = 'NEW'::text) OR ((state)::text = 'PENDING'::text));
CREATE INDEX hc_idx_account_systemmodstamp ON salesforce00d000000000001eaa.account USING btree (systemmodstamp);
CREATE INDEX hc_idx_connection__c_systemmodstamp ON salesforce00d000000000001eaa.connection__c USING btree (systemmodstamp);
CREATE INDEX hc_idx_contact_accountid ON salesforce00d000000000001eaa.contact USING btree (accountid);
CREATE INDEX hc_idx_contact_email ON salesforce00d000000000001eaa.contact USING btree (email);
CREATE INDEX hc_idx_contact_systemmodstamp ON salesforce00d000000000001eaa.contact USING btree (systemmodstamp);
CREATE INDEX hc_idx_tweet__c_systemmodstamp ON salesforce00d000000000001eaa.tweet__c USING btree (systemmodstamp);
CREATE UNIQUE INDEX hcu_idx_account_sfid ON salesforce00d000000000001eaa.account USING btree (sfid);
CREATE UNIQUE INDEX hcu_idx_connection__c_connection_id__c ON salesforce00d000000000001eaa.connection__c USING btree (connection_id__c);
CREATE UNIQUE INDEX hcu_idx_connection__c_sfid ON salesforce00d000000000001eaa.connection__c USING btree (sfid);
CREATE UNIQUE INDEX hcu_idx_contact_sfid ON salesforce00d000000000001eaa.contact USING btree (sfid);
CREATE UNIQUE INDEX hcu_idx_tweet__c_external_id__c ON salesforce00d000000000001eaa.tweet__c USING btree (external_id__c);
CREATE UNIQUE INDEX hcu_idx_tweet__c_sfid ON salesforce00d000000000001eaa.tweet__c USING btree (sfid);
CREATE INDEX idx__sf_event_log_comp_key ON salesforce00d000000000001eaa._sf_event_log USING btree (table_name, synced_at);
CREATE INDEX idx__sf_event_log_sfid ON salesforce00d000000000001eaa._sf_event_log USING btree (sfid);
CREATE TRIGGER hc_account_logtrigger AFTER INSERT OR DELETE OR UPDATE ON salesforce00d000000000001eaa.account FOR EACH ROW WHEN (((public.get_xmlbinary())::text = 'base64'::text)) EXECUTE FUNCTION salesforce00d000000000001eaa.hc_account_logger();
CREATE TRIGGER hc_account_status_trigger BEFORE INSERT OR UPDATE ON salesforce00d000000000001eaa.account FOR EACH ROW EXECUTE FUNCTION salesforce00d000000000001eaa.hc_account_status();
CREATE TRIGGER hc_connection__c_logtrigger AFTER INSERT OR DELETE OR UPDATE ON salesforce00d000000000001eaa.connection__c FOR EACH ROW WHEN (((public.get_xmlbinary())::text = 'base64'::text)) EXECUTE FUNCTION salesforce00d000000000001eaa.hc_connection__c_logger();
CREATE TRIGGER hc_connection__c_status_trigger BEFORE INSERT OR UPDATE ON salesforce00d000000000001eaa.connection__c FOR EACH ROW EXECUTE FUNCTION salesforce00d000000000001eaa.hc_connection__c_status();
CREATE TRIGGER hc_contact_logtrigger AFTER INSERT OR DELETE OR UPDATE ON salesforce00d000000000001eaa.contact FOR EACH ROW WHEN (((public.get_xmlbinary())::text = 'base64'::text)) EXECUTE FUNCTION salesforce00d000000000001eaa.hc_contact_logger();
CREATE TRIGGER hc_contact_status_trigger BEFORE INSERT OR UPDATE ON salesforce00d000000000001eaa.contact FOR EACH ROW EXECUTE FUNCTION salesforce00d000000000001eaa.hc_contact_status();
CREATE TRIGGER hc_tweet__c_logtrigger AFTER INSERT OR DELETE OR UPDATE ON salesforce00d000000000001eaa.tweet__c FOR EACH ROW WHEN (((public.get_xmlbinary())::text = 'base64'::text)) EXECUTE FUNCTION salesforce00d000000000001eaa.hc_tweet__c_logger();
CREATE TRIGGER hc_tweet__c_status_trigger BEFORE INSERT OR UPDATE ON salesforce00d000000000001eaa.tweet__c FOR EACH ROW EXECUTE FUNCTION salesforce00d000000000001eaa.hc_tweet__c_status();
CREATE TRIGGER tlog_insert_trigger AFTER INSERT ON salesforce00d000000000001eaa._trigger_log FOR EACH ROW EXECUTE FUNCTION salesforce00d000000000001eaa.tlog_notify_trigger();
