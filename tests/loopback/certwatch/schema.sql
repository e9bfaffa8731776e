-- The part of crt.sh's database that a search by name touches: a table of certificates partitioned by expiry, and the
-- functions that its indexes are built on. What those functions would parse out of a certificate is told beside it.
CREATE ROLE guest LOGIN;
ALTER ROLE guest SET statement_timeout = '1s';
-- Small tables are read whole; the real ones never are.
ALTER ROLE guest SET enable_seqscan = off;
CREATE TEXT SEARCH CONFIGURATION certwatch (COPY = simple);

-- Certificate in hex, identities, notAfter, issuer, id, and what goes wrong when its expiry is looked at:
-- `slow`, `conflict` (the first time), `crash` (the first time).
CREATE TABLE incoming (certificate text, identities text, not_after timestamp, issuer bigint, id bigint, trouble text);
CREATE TABLE facts (digest bytea PRIMARY KEY, identities tsvector, not_after timestamp, trouble text);
CREATE SEQUENCE conflict;
CREATE SEQUENCE crash;
GRANT SELECT ON facts TO guest;
GRANT USAGE ON SEQUENCE conflict, crash TO guest;

CREATE FUNCTION identities(cert bytea) RETURNS tsvector LANGUAGE sql IMMUTABLE AS
  $$ SELECT identities FROM public.facts WHERE digest = sha256(cert) $$;

CREATE FUNCTION x509_notAfter(cert bytea) RETURNS timestamp LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  fact public.facts;
BEGIN
  SELECT * INTO fact FROM public.facts WHERE digest = sha256(cert);
  IF current_user = 'guest' THEN
    CASE fact.trouble
      WHEN 'slow' THEN PERFORM pg_sleep(0.03);
      WHEN 'conflict' THEN
        IF nextval('public.conflict') = 1 THEN
          RAISE 'canceling statement due to conflict with recovery' USING ERRCODE = '40001';
        END IF;
      WHEN 'crash' THEN
        IF nextval('public.crash') = 1 THEN
          PERFORM pg_terminate_backend(pg_backend_pid());
        END IF;
      ELSE NULL;
    END CASE;
  END IF;
  RETURN fact.not_after;
END
$$;

CREATE TABLE certificate (id bigint NOT NULL, issuer_ca_id bigint NOT NULL, certificate bytea NOT NULL)
  PARTITION BY RANGE (coalesce(x509_notAfter(certificate), 'infinity'::timestamp));
CREATE TABLE certificate_2013_and_before PARTITION OF certificate FOR VALUES FROM (MINVALUE) TO ('2014-01-01');
DO $$
BEGIN
  FOR year IN 2014..2026 LOOP
    EXECUTE format('CREATE TABLE certificate_%s PARTITION OF certificate FOR VALUES FROM (%L) TO (%L)',
      year, year || '-01-01', (year + 1) || '-01-01');
  END LOOP;
END
$$;
CREATE TABLE certificate_2027_and_beyond PARTITION OF certificate FOR VALUES FROM ('2027-01-01') TO (MAXVALUE);
CREATE INDEX ON certificate USING gin (identities(certificate));
CREATE INDEX ON certificate (id);
GRANT SELECT ON certificate TO guest;

CREATE FUNCTION take_in() RETURNS void LANGUAGE sql AS $$
  INSERT INTO facts SELECT sha256(decode(certificate, 'hex')), to_tsvector('certwatch', identities), not_after, trouble
    FROM incoming ON CONFLICT DO NOTHING;
  INSERT INTO certificate SELECT id, issuer, decode(certificate, 'hex') FROM incoming;
$$;
