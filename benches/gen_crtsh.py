#!/usr/bin/env python3
"""Write N records shaped like a crt.sh `output=json` answer.

One seeded run gives one byte-identical file, so two tools can be held against
each other on the same input.  The names are of four kinds, because each kind
loads another part of the tool:

  stable   human host names that are renewed again and again (heavy duplicates)
  machine  a fresh random label per certificate under a short-lived zone
           (the case of the forum story: one 52-character label, one wildcard)
  bulk     hosting certificates with up to 100 unrelated names
  odd      an e-mail address, a bare IP, upper case, a non-ASCII common name

Every certificate is written twice, as precertificate and as certificate: same
serial number, another id and entry time.

  gen_crtsh.py -n 100000 -o dump.json
  gen_crtsh.py -n 100000 --ndjson -o dump.ndjson
  gen_crtsh.py -n 100000 -o dump.json.gz      (also .zst, through the zstd tool)
  gen_crtsh.py -n 2000000 --tlds com,net,org,co.uk,de,example -o many-domains.json
"""
import argparse
import gzip
import json
import random
import subprocess
import sys
import uuid

HEX = "0123456789abcdef"
B32 = "abcdefghijklmnopqrstuvwxyz234567"
AN = "abcdefghijklmnopqrstuvwxyz0123456789"
WORDS = ("www mail api app cdn dev test stage img static vpn git ci docs blog shop auth sso login portal "
         "status grafana prom node edge gw db cache queue search media files ftp smtp imap webmail admin "
         "autodiscover cpanel webdisk m old new beta eu us ap").split()
SYL = ("ba be bi bo bu da de di do du ka ke ki ko ku la le li lo lu ma me mi mo mu na ne ni no nu "
       "ra re ri ro ru sa se si so su ta te ti to tu va ve vi vo vu").split()
TLDS = ["example", "test", "example.net", "example.org", "co.example", "com.test"]
ISSUERS = [
    (295814, "C=US, O=Let's Encrypt, CN=R10"),
    (295815, "C=US, O=Let's Encrypt, CN=R11"),
    (295819, "C=US, O=Let's Encrypt, CN=E5"),
    (286236, "C=US, O=Google Trust Services, CN=WE1"),
    (180753, "C=US, O=Amazon, CN=Amazon RSA 2048 M02"),
    (105487, "C=GB, ST=Greater Manchester, L=Salford, O=Sectigo Limited, "
             "CN=Sectigo RSA Domain Validation Secure Server CA"),
]


def pick(rng, alphabet, n):
    return "".join(rng.choices(alphabet, k=n))


def domain(rng):
    return "".join(rng.choices(SYL, k=rng.randint(2, 5))) + "." + rng.choice(TLDS)


def use_tlds(text):
    """Other names to register below; the default ones make few registered domains, some of them huge."""
    TLDS[:] = text.split(",")


def machine_label(rng):
    k = rng.randrange(7)
    if k == 0:
        return pick(rng, B32, 52)
    if k == 1:
        return pick(rng, HEX, 32)
    if k == 2:
        return str(uuid.UUID(int=rng.getrandbits(128), version=4))
    if k == 3:
        return "ip-10-%d-%d-%d" % (rng.randrange(256), rng.randrange(256), rng.randrange(256))
    if k == 4:
        return "node%04d" % rng.randrange(10000)
    if k == 5:
        return "pr-%d-%s" % (rng.randrange(100000), pick(rng, AN, 5))
    return "%s-%s-%s" % (rng.choice(WORDS), pick(rng, AN, 10), pick(rng, AN, 5))


def name_sets(rng, n_certs):
    """Yield (common name, names) for each certificate."""
    n_dom = max(4, n_certs // 8)
    n_zone = max(2, n_certs // 400)
    zones = [pick(rng, AN, 5) + "." + domain(rng) for _ in range(n_zone)]
    stable = []
    for _ in range(n_dom):
        d = domain(rng)
        names = [d, "www." + d]
        names += [w + "." + d for w in rng.sample(WORDS, rng.choice((0, 0, 0, 1, 2, 6)))]
        if rng.random() < 0.15:
            names = ["*." + d, d]
        stable.append(names)
    for _ in range(n_certs):
        r = rng.random()
        if r < 0.58:
            names = rng.choice(stable)
        elif r < 0.95:
            base = machine_label(rng) + "." + rng.choice(zones)
            q = rng.random()
            names = ["*." + base] if q < 0.5 else [base] if q < 0.75 else [base, "*." + base]
        elif r < 0.99:
            names = [x for _ in range(rng.randint(5, 50)) for x in rng.choice(stable)[:2]]
        else:
            d = domain(rng)
            names = [d, rng.choice(("admin@" + d, "192.0.2.%d" % rng.randrange(256), "WWW." + d.upper()))]
        cn = names[0]
        if r >= 0.995:
            cn = "Büro " + cn
        yield cn, names


def records(n, seed):
    rng = random.Random(seed)
    cert_id = 15_000_000_000
    made = 0
    t = 0
    for cn, names in name_sets(rng, (n + 1) // 2):
        ca, issuer = rng.choices(ISSUERS, weights=(30, 30, 10, 15, 8, 7))[0]
        serial = "0" + rng.choice("345") + pick(rng, HEX, 34)
        t += rng.randrange(3)
        day, sec = divmod(t, 86400)
        nb = "2026-%02d-%02dT%02d:%02d:%02d" % (day // 28 % 12 + 1, day % 28 + 1, sec // 3600, sec // 60 % 60, sec % 60)
        na = "2027-%02d-%02dT%02d:%02d:%02d" % (day // 28 % 12 + 1, day % 28 + 1, sec // 3600, sec // 60 % 60, sec % 60)
        uniq = sorted(set(names) | {cn} if "@" not in cn and " " not in cn else set(names))
        for _ in range(2):
            if made == n:
                return
            cert_id += rng.randrange(1, 2000)
            made += 1
            yield {
                "issuer_ca_id": ca,
                "issuer_name": issuer,
                "common_name": cn,
                "name_value": "\n".join(uniq),
                "id": cert_id,
                "entry_timestamp": "%s.%03d" % (nb, rng.randrange(1000)),
                "not_before": nb,
                "not_after": na,
                "serial_number": serial,
                "result_count": len(uniq) + 1,
            }


class _Zstd:
    def __init__(self, path):
        self.p = subprocess.Popen(["zstd", "-q", "-f", "-o", path, "-"], stdin=subprocess.PIPE)

    def write(self, b):
        self.p.stdin.write(b)

    def close(self):
        self.p.stdin.close()
        if self.p.wait():
            raise SystemExit("zstd failed")


def open_out(path):
    if path == "-":
        return sys.stdout.buffer
    if path.endswith(".gz"):
        return gzip.open(path, "wb", 6)
    if path.endswith(".zst"):
        return _Zstd(path)
    return open(path, "wb", 1 << 20)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("-n", type=int, default=100_000, help="records")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--ndjson", action="store_true", help="one record a line in place of one array")
    ap.add_argument("--ascii", action="store_true", help="write non-ASCII as \\u escapes")
    ap.add_argument("--tlds", help="comma-separated names to register below, such as com,net,org,co.uk")
    ap.add_argument("-o", default="-")
    a = ap.parse_args()
    if a.tlds:
        use_tlds(a.tlds)
    out = open_out(a.o)
    enc = json.JSONEncoder(separators=(",", ":"), ensure_ascii=a.ascii).encode
    buf = [] if a.ndjson else ["["]
    first = True
    for r in records(a.n, a.seed):
        if a.ndjson:
            buf.append(enc(r) + "\n")
        else:
            buf.append(enc(r) if first else "," + enc(r))
        first = False
        if len(buf) > 4000:
            out.write("".join(buf).encode())
            buf.clear()
    if not a.ndjson:
        buf.append("]")
    out.write("".join(buf).encode())
    out.close()


if __name__ == "__main__":
    main()
