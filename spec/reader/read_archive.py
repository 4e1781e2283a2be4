#!/usr/bin/env python3
"""Reads a strongroom archive, after spec/archive-v1.md and spec/keys-v1.md alone. See README.md."""
import argparse, datetime, functools, hashlib, hmac, os, re, stat, struct, sys, unicodedata
import blake3, zstandard
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

PACK, INDEX, RECORD, KEYS = 1, 2, 3, 4                      # object kinds in lists
DATA, TREE, LIST = 0, 1, 2                                  # chunk kinds
KINDS = {1: "generation", 2: "snapshot", 3: "forget", 4: "prune", 5: "checkpoint", 6: "repair", 7: "progress"}
MAX_CHUNK, MAX_SEGMENT, MAX_PACK = 524_288, 4_194_304, 16_777_216
PACK_LEAST = {PACK: 32768, RECORD: 4096}                    # least plaintext of a pack, by what it lies in


class Bad(Exception):
    """The archive breaks a rule of the specification."""


def need(condition, message):
    if not condition:
        raise Bad(message)


class In:
    """A byte string that is read from front to back."""
    def __init__(self, data, what): self.data, self.at, self.what = data, 0, what

    def take(self, n):
        need(self.at + n <= len(self.data), f"{self.what}: ends early")
        self.at += n
        return self.data[self.at - n:self.at]

    def u(self, size): return int.from_bytes(self.take(size), "big")

    def varint(self, maximum=2**128 - 1, least=0):
        value = shift = 0
        while True:
            byte = self.u(1)
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        need(byte or shift == 7, f"{self.what}: varint is not in its shortest form")
        need(least <= value <= maximum, f"{self.what}: number {value} is out of range")
        return value

    def zigzag(self):
        n = self.varint()
        return (n >> 1) ^ -(n & 1)

    def bytes(self, maximum, least=0): return self.take(self.varint(maximum, least))

    def items(self, one, maximum=2**32, least=0, key=lambda x: x, sort=True):
        out = [one() for _ in range(self.varint(maximum, least))]
        need(not sort or all(key(a) < key(b) for a, b in zip(out, out[1:])), f"{self.what}: list is not sorted")
        return out

    def magic(self, magic, version=None):
        need(self.take(len(magic)) == magic, f"{self.what}: wrong magic")
        if version is not None:
            found = self.u(1)
            need(found <= version, f"{self.what}: version {found} needs a newer program")
            need(found == version, f"{self.what}: version {found} is unknown")

    def end(self): need(self.at == len(self.data), f"{self.what}: bytes after the end")


# Keys (keys-v1)

def hash32(data): return blake3.blake3(data).digest()
def expand(key, info, n): return HKDFExpand(hashes.SHA512(), n, info).derive(key)


def check_signature(public, domain, message, signature):
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, struct.pack(">I", len(domain)) + domain + message)
    except InvalidSignature:
        raise Bad(f"wrong signature ({domain.decode()})") from None


# code: AEAD name, AEAD, key bytes, cell bytes, tag bytes
SUITES = {1: (b"AEAD_AES_128_GCM", AESGCM, 16, 16384, 16), 2: (b"AEAD_AES_256_GCM", AESGCM, 32, 16384, 16),
          3: (b"AEAD_CHACHA20_POLY1305", ChaCha20Poly1305, 32, 16384, 16), 0x81: (None, None, 56, 65536, 32)}


def suite_of(code):
    need(code in SUITES, f"suite {code} is unknown")
    return SUITES[code]


class Opener:
    """Opens the cells of one sealed object."""
    def __init__(self, code, sealing_key, salt, commitment, context):
        self.aead, _, size, self.cell, self.tag = suite_of(code)
        if self.aead:
            info = b"c2sp.org/chunked-encryption@v1+" + self.aead + b"\0" + salt + context
            out = expand(sealing_key, info, size + 44)
            self.cipher, self.nonce = SUITES[code][1](out[:size]), int.from_bytes(out[size:size + 12], "big")
        else:
            out = expand(sealing_key, b"strongroom blowfish-448 v1\0" + salt + context, 88)
            self.key = out[:56]
        need(hmac.compare_digest(out[-32:], commitment), "wrong key: the commitment differs")

    def open_cell(self, i, sealed, last):
        if self.aead:
            try:
                return self.cipher.decrypt((self.nonce ^ i).to_bytes(12, "big"), sealed, None)
            except InvalidTag:
                raise Bad(f"cell {i} does not open") from None
        from Crypto.Cipher import Blowfish
        keys = expand(self.key, b"strongroom blowfish-448 v1 cell\0" + struct.pack(">Q", i), 88)
        text, tag = sealed[:-32], sealed[-32:]
        ours = hmac.digest(keys[56:], struct.pack(">QB", i, last) + text, "sha256")
        need(hmac.compare_digest(ours, tag), f"cell {i} does not open")
        return Blowfish.new(keys[:56], Blowfish.MODE_CTR, nonce=b"", initial_value=0).decrypt(text)

    def open(self, size, read, start=0, end=None):
        """The plaintext from start to end of `size` bytes of cells; read(offset, n) gives bytes of them."""
        step = self.cell + self.tag
        count, short = divmod(size, step)
        need(short >= self.tag, "sealed object is cut short")
        end = count * self.cell + short - self.tag if end is None else end
        first, last = start // self.cell, min(max(end - 1, 0) // self.cell, count) if end < count * self.cell else count
        out = b"".join(self.open_cell(i, read(i * step, step if i < count else short), i == count) for i in range(first, last + 1))
        out = out[start - first * self.cell:end - first * self.cell]
        need(len(out) == end - start, "range lies outside of the object")
        return out


def open_small(key, label, data, sealed):
    context = struct.pack(">I", len(label)) + label + hashlib.sha512(data).digest()
    need(len(sealed) >= 56, "small value is too short")
    cells = sealed[56:]
    return Opener(2, key, sealed[:24], sealed[24:56], context).open(len(cells), lambda at, n: cells[at:at + n])


def read_custody_key(text):
    match = re.fullmatch(r"strongroom-custody-key-v1:([0-9a-f]{64}):([0-9a-f]{8})\n", text)
    need(match, "this is no custody key file")
    key = bytes.fromhex(match[1])
    need(hash32(key).hex()[:8] == match[2], "custody key: wrong check digits")
    return key


def read_keys(stored, archive_id, authority, n, custody, password):
    """The key ring of one keys object: {kind: dedup key}, {epoch: (suite, secret)}."""
    r = In(stored, "keys object")
    r.magic(b"SRkeys", 1)
    need(r.u(1) == 0, "keys object: reserved byte is set")
    need(r.take(16) == archive_id and r.u(4) == n and n >= 1, "keys object: of another archive or number")
    key_id, ring = r.take(16), r.bytes(65536)
    slots = r.items(lambda: read_slot(r), 64, key=lambda s: s[0])
    signed = stored[:r.at]
    check_signature(authority, b"strongroom keys-v1 wraps", signed, r.take(64))
    r.end()
    if custody is None:
        need(slots, "the archive has no password")
        custody = open_slots(slots, archive_id, password)
    need(expand(custody, b"strongroom keys-v1 custody key id", 16) == key_id, "this custody key is not the archive's")
    r = In(open_small(custody, b"strongroom keys-v1 key ring", archive_id + struct.pack(">I", n), ring), "key ring")
    r.magic(b"", 1)
    dedup, _chunker, seed = {kind: r.take(32) for kind in (DATA, TREE, LIST)}, r.take(32), r.take(32)
    epochs = r.items(lambda: (r.u(4), (r.u(1), r.take(56))), 1024, 1, key=lambda e: e[0])
    r.end()
    need(all(epoch >= 1 and suite in SUITES for epoch, (suite, _) in epochs), "key ring: epoch 0 or unknown suite")
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    need(public == authority, "the key ring has another authority key than the descriptor")
    return dedup, dict(epochs)


def read_slot(r):
    slot_id = r.take(16)
    need(r.u(1) == 1, "keys object: unknown kind of slot")
    name, memory, passes, lanes, salt = utf8(r.bytes(64)), r.u(4), r.u(4), r.u(4), r.take(16)
    need(65536 <= memory <= 4194304 and 3 <= passes <= 16 and 1 <= lanes <= 16, "keys object: Argon2 parameters out of range")
    wrap = r.bytes(256)
    need(len(wrap) == 104, "keys object: wrap has another length")
    return slot_id, name, memory, passes, lanes, salt, wrap


def utf8(name):
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise Bad("a text is not UTF-8") from None


def open_slots(slots, archive_id, password):
    from argon2.low_level import Type, hash_secret_raw
    secret = unicodedata.normalize("NFC", password).encode()
    for slot_id, _name, memory, passes, lanes, salt, wrap in slots:
        key = hash_secret_raw(secret, salt, passes, memory, lanes, 32, Type.ID, 0x13)
        data = archive_id + slot_id + struct.pack(">III", memory, passes, lanes) + salt
        try:
            custody = open_small(key, b"strongroom keys-v1 password slot", data, wrap)
        except Bad:
            continue
        need(len(custody) == 32, "password slot: custody key is not 32 bytes")
        return custody
    raise Bad("the password opens no slot")


# Records (archive-v1 section 9)

def features(r):
    found = r.items(lambda: r.bytes(64), 64)
    need(not found, f"{r.what}: needs the feature {b', '.join(found).decode('ascii', 'replace')}: use a newer program")


class Record:
    def __init__(self, stored, name):
        self.stored, self.hash = stored, hash32(stored)
        need(len(stored) <= 67_108_864, f"{name}: record is too large")
        r = In(stored, f"record {name}")
        r.magic(b"SRrecord", 1)
        self.kind, reserved, length = r.u(1), r.u(2), r.u(4)
        need(self.kind in KINDS, f"{r.what}: unknown kind {self.kind}")
        need(reserved == 0, f"{r.what}: reserved bytes are set")
        self.archive_id, self.generation, self.seq = r.take(16), r.u(4), r.u(8)
        need(name == f"{self.generation:08x}-{self.seq:016x}", f"{r.what}: has another place than its name says")
        self.previous, self.writer = r.take(32), r.take(32)
        payload_length, payload_hash = r.u(8), r.take(32)
        parts = r.items(lambda: (r.u(1), r.u(4)), 64, 1, sort=False)
        features(r)
        self.adds = r.items(lambda: (r.u(1), r.take(32), r.varint()), key=lambda a: a[:2])
        self.condemns, self.voids, self.acks = (r.items(lambda: (r.u(1), r.take(32))) for _ in range(3))
        need(all(1 <= a[0] <= 4 for a in self.adds + self.condemns + self.voids + self.acks), f"{r.what}: unknown object kind")
        need(r.at == length, f"{r.what}: header length is wrong")
        self.header, self.signature, payload = stored[:length], r.take(64), stored[length + 64:]
        need(len(payload) == payload_length and hash32(payload) == payload_hash, f"{r.what}: payload does not match the header")
        need(sum(n for _, n in parts) == payload_length, f"{r.what}: parts do not add up")
        kinds = [kind for kind, _ in parts]
        need(kinds in ([3], [3] + [1] * (len(kinds) - 2) + [2]) and kinds != [3, 2], f"{r.what}: wrong parts")
        need(len(parts) == 1 or payload_length <= 1_048_576, f"{r.what}: payload with packs is too long")
        need(self.seq >= 1 and self.generation >= 1, f"{r.what}: generation or seq is 0")
        need((self.seq == 1) == (self.kind == 1 and self.generation == 1) == (self.previous == bytes(32)), f"{r.what}: is first and is not")
        added, given_up = {a[:2] for a in self.adds}, self.condemns + self.voids
        need(all(size for _, _, size in self.adds) and not added & set(given_up), f"{r.what}: adds contradict the other lists")
        changed = {kind for kind, _ in [*added, *self.condemns]}
        need(KEYS not in changed and (RECORD not in changed or self.kind == 5), f"{r.what}: adds or condemns what its kind does not")
        need(len(parts) == 1 or PACK not in {kind for kind, _ in added}, f"{r.what}: packs as parts and as objects")
        self.parts, at = [], length + 64
        for kind, n in parts:
            self.parts.append((kind, at, n))
            at += n

    def name20(self): return struct.pack(">IQ", self.generation, self.seq) + bytes(20)
    def part(self, kind): return next((self.stored[at:at + n] for k, at, n in self.parts if k == kind), None)


def read_body(record, plain):
    r = In(plain, f"body of record {record.seq}")
    need(r.u(1) == record.kind, f"{r.what}: kind differs from the header's")
    body = {"time": r.zigzag()}
    body["destinations"] = r.items(lambda: (r.take(16), r.u(8), r.take(32)), 256, key=lambda d: d[0])
    body["runs"] = r.items(lambda: (r.u(1), r.take(32)), 4096)
    need(all(kind in (INDEX, RECORD) for kind, _ in body["runs"]), f"{r.what}: unknown kind of run")
    if record.kind == 1:
        body["reason"] = r.bytes(256)
    elif record.kind == 2:
        body.update(started=r.zigzag(), ended=r.zigzag(), host=r.bytes(255), program=r.bytes(64))
        body["tags"] = r.items(lambda: r.bytes(255), 64)
        body["stats"] = {k: r.varint() for k in ("files", "directories", "others", "bytes", "failed")}
        body["roots"] = r.items(lambda: (r.bytes(65535, 1), r.bytes(4_194_304, 1)), 1024, 1, key=lambda x: x[0])
        check_roots(r.what, [path for path, _ in body["roots"]])
    elif record.kind == 3:
        body["forget"] = r.items(lambda: r.u(8))
    elif record.kind == 5:
        body["live"] = r.items(lambda: (r.u(1), r.take(32), r.varint()), key=lambda a: a[:2])
        need(body["live"] == [a for a in record.adds if a[0] != RECORD], f"{r.what}: live set differs from the header's")
        body["snapshots"] = r.items(lambda: (r.u(4), r.u(8), r.take(32)))
    elif record.kind == 6:
        body["note"] = r.bytes(4096)
    need_padding(r, 1024)
    return body


def check_roots(what, paths):
    for path in paths:
        need(path.startswith(b"/"), f"{what}: a root is not absolute")
        names = path[1:].split(b"/") if path != b"/" else []
        need(all(n not in (b"", b".", b"..") and b"\0" not in n and len(n) <= 4095 for n in names), f"{what}: a root has a component that is no name")
        need(not any(other != path and path.startswith(other.rstrip(b"/") + b"/") for other in paths), f"{what}: a root lies below another")


# Trees (archive-v1 section 10)

class Entry:
    content = target = device = None

    def contents(self):
        """What data the entry has: a file's, and that of its extended attributes."""
        return [self.content] * (self.kind == 1) + [content for _, content in self.xattrs]


def read_tree_chunk(plain):
    """The entries of one tree chunk."""
    r, out, owner, mtime = In(plain, "tree chunk"), [], None, 0
    while r.at < len(plain):
        e = Entry()
        out.append(e)
        flags, e.kind, e.name, e.mode = r.u(1), r.u(1), r.bytes(4095, 1), r.varint(0o7777)
        need(flags < 64 and 1 <= e.kind <= 6, "tree chunk: unknown flag or kind")
        need(b"/" not in e.name and b"\0" not in e.name and e.name not in (b".", b".."), "tree chunk: name is not allowed")
        if flags & 1:
            before, owner = owner, (r.varint(2**32 - 1), r.varint(2**32 - 1), r.bytes(255), r.bytes(255))
            need(owner != before, "tree chunk: owner is repeated")
        need(owner is not None, "tree chunk: first entry has no owner")
        e.owner, mtime = owner, mtime + r.zigzag()
        need(-2**127 <= mtime < 2**127, "tree chunk: time is out of range")
        e.mtime, e.btime, e.file_flags, e.xattrs, e.link = mtime, None, None, [], None
        if flags & 2:
            e.btime = mtime + r.zigzag()
        if flags & 4:
            e.file_flags = r.varint(least=1)
        if flags & 8:
            e.xattrs = r.items(lambda: (r.bytes(255, 1), read_content(r, True)), least=1, key=lambda x: x[0])
        if flags & 16:
            need(e.kind != 2, "tree chunk: a directory has a link id")
            e.link = r.u(8)
        e.unsettled = bool(flags & 32)
        need(e.kind == 1 or not e.unsettled, "tree chunk: only files can be unsettled")
        if e.kind == 1:
            e.content = read_content(r, True)
        elif e.kind == 2:
            e.content = read_content(r, False)
        elif e.kind == 3:
            e.target = r.bytes(65535, 1)
            need(b"\0" not in e.target, "tree chunk: target holds NUL")
        elif e.kind >= 5:
            e.device = r.varint(2**32 - 1), r.varint(2**32 - 1)
    need(all(a.name < b.name for a, b in zip(out, out[1:])), "tree chunk: names are not sorted")
    return out


def read_content(r, inline):
    """(0, bytes), (1, length, id) or (2, level, length, id)."""
    form = r.u(1)
    if form == 0:
        return 0, r.bytes(512 if inline else 0)
    need(form in (1, 2), f"{r.what}: unknown form of content")
    if form == 1:
        length = r.varint(MAX_CHUNK, 1)
        need(not inline or length > 512, f"{r.what}: short content is not inline")
        return 1, length, r.take(32)
    level = r.u(1)
    need(1 <= level <= 8, f"{r.what}: level of a list is out of range")
    return 2, level, r.varint(2**63 - 1, 1), r.take(32)


def read_list_items(r):
    return r.u(1), r.items(lambda: (lambda part: (r.varint(2**63 - 1, 1), r.take(32) if part else None))(r.varint(1)), 4096, 1, sort=False)


def list_chunk_length(plain):
    r = In(plain, "list chunk")
    read_list_items(r)
    return r.at


def read_list_chunk(plain, level):
    """(length, id) items; the id of a hole is None."""
    r = In(plain, "list chunk")
    found, items = read_list_items(r)
    r.end()
    need(found == level, "list chunk: has another level")
    holes = [id is None for _, id in items]
    need(level == 1 or not any(holes), "list chunk: hole above level 1")
    need(not any(a and b for a, b in zip(holes, holes[1:])), "list chunk: two holes in a row")
    return items


# The archive

class Archive:
    def __init__(self, root, custody, password):
        self.root, self.places, self.runs_read = root, {}, set()
        self.read_descriptor()
        self.read_key_ring(custody, password)
        self.read_log()

    def file(self, *path):
        with open(os.path.join(self.root, *path), "rb") as f:
            return f.read()

    def names(self, folder, pattern):
        path = os.path.join(self.root, folder)
        return sorted(n for n in (os.listdir(path) if os.path.isdir(path) else []) if re.fullmatch(pattern, n))

    def read_descriptor(self):
        stored = self.file("archive")
        r = In(stored, "descriptor")
        r.magic(b"SRarchiv", 1)
        suite_of(r.u(1))
        need(r.u(2) == 0, "descriptor: reserved bytes are set")
        self.id, self.authority = r.take(16), r.take(32)
        features(r)
        check_signature(self.authority, b"strongroom archive-v1 descriptor", stored[:r.at], r.take(64))
        r.end()
        need(os.path.basename(os.path.abspath(self.root)) == self.id.hex(), "the folder has another name than the archive id")

    def read_key_ring(self, custody, password):
        problem = Bad("the archive has no keys object")
        # The highest number and name first, and an object before its copy.
        names = self.names("keys", r"[0-9a-f]{8}-[0-9a-f]{64}(\.copy)?")
        opened = set()
        for name in sorted(names, key=lambda name: (name[:73], len(name) == 73), reverse=True):
            if name[:73] in opened:
                continue
            try:
                stored, n = self.file("keys", name), int(name[:8], 16)
                need(hash32(stored).hex() == name[9:73], f"keys object {name}: damaged")
                opened.add(name[:73])
                self.dedup, self.epochs = read_keys(stored, self.id, self.authority, n, custody, password)
                self.keys_number = n
                return
            except (Bad, OSError) as error:
                problem = error if isinstance(error, Bad) else Bad(f"keys object {name}: {error.strerror}")
        raise problem

    def read_log(self):
        names = self.names("log", "[0-9a-f]{8}-[0-9a-f]{16}")
        need(names, "the log is empty")
        records = {name: Record(self.file("log", name), name) for name in names}
        by_hash = {record.hash: record for record in records.values()}
        need(all(r.archive_id == self.id for r in records.values()), "a record is of another archive")
        writers = {}
        for r in records.values():
            if r.kind == 1:
                need(r.generation not in writers, "a generation has two first records")
                writers[r.generation] = r.writer
        for r in records.values():
            need(r.generation in writers, f"generation {r.generation} has no first record")
            need(r.writer == writers[r.generation], f"record {r.seq}: another writer than its generation's")
            check_signature(self.authority if r.kind == 1 else r.writer, b"strongroom archive-v1 record", r.header, r.signature)
        self.chain, record = [], records[names[-1]]
        while True:
            self.chain.append(record)
            if record.seq == 1:
                need(record.previous == bytes(32) and record.kind == 1, "the first record does not start the chain")
                break
            before = by_hash.get(record.previous)
            if before is None and record.kind == 5:
                break                                        # older records may be condemned
            need(before and before.seq == record.seq - 1, f"record {record.seq}: the record before it is missing or differs")
            need(before.generation == record.generation if record.kind != 1 else before.generation < record.generation,
                 f"record {record.seq}: generations are out of order")
            record = before
        self.chain.reverse()
        for name, r in records.items():
            need(r in self.chain or r.generation < self.chain[-1].generation or r.seq < self.chain[0].seq, f"record {name} is not in the chain")
        for r in self.chain:
            r.body = read_body(r, self.open_whole(3, r.part(3), r.generation))
        self.branch = len(records) - len(self.chain)
        if self.chain[0].kind == 5:                          # snapshots that survive below the checkpoint
            for generation, seq, hash in self.chain[0].body["snapshots"]:
                old = by_hash.get(hash)
                need(old and (old.generation, old.seq, old.kind) == (generation, seq, 2), f"snapshot {seq} of the checkpoint is missing")
                old.body = read_body(old, self.open_whole(3, old.part(3), old.generation))
                self.chain.insert(0, old)
            self.chain.sort(key=lambda r: r.seq)
        self.records = {r.name20(): r for r in records.values()}

    # Sealed objects (section 4)

    def opener(self, kind, head, generation=None):
        r = In(head, "sealed object")
        r.magic(b"SRs1")
        found, suite, reserved, of, epoch, salt, commitment = r.u(1), r.u(1), r.u(2), r.u(4), r.u(4), r.take(24), r.take(32)
        need(found == kind and reserved == 0 and generation in (None, of), "sealed object: wrong kind, box length or generation")
        need(epoch in self.epochs, f"epoch {epoch} is missing in the key ring")
        need(suite in SUITES, f"suite {suite} is unknown")
        key = expand(self.epochs[epoch][1], b"strongroom keys-v1 seal\0" + bytes([suite, kind]), SUITES[suite][2])
        context = b"strongroom archive-v1\0" + struct.pack(">B16sIIB", kind, self.id, of, epoch, suite)
        return Opener(suite, key, salt, commitment, context)

    def open_whole(self, kind, sealed, generation=None):
        cells = sealed[72:]
        return self.opener(kind, sealed[:72], generation).open(len(cells), lambda at, n: cells[at:at + n])

    # Index runs (section 8) and chunks (section 5)

    def read_runs(self):
        for kind, name in self.chain[-1].body["runs"]:
            if kind == INDEX:
                sealed = self.file("indexes", name.hex())
                need(hash32(sealed) == name, f"index {name.hex()} is damaged")
            else:
                need(name in self.records, "a run is in a record that is missing")
                sealed = self.records[name].part(2)
                need(sealed, "a record that should carry a run has none")
            self.read_run(self.open_whole(2, sealed), 16384 if kind == INDEX else 4096)

    def read_run(self, plain, least):
        r = In(plain, "index run")
        r.magic(b"SRix")
        counts = r.u(4), r.u(4), r.u(4)
        need(0 < counts[0] <= counts[1] <= counts[2] <= 1_048_576, "index run: counts are out of range")
        objects = [struct.unpack(">BBHII32sII24s32s", r.take(108)) for _ in range(counts[0])]
        segments = [struct.unpack(">IIII", r.take(16)) for _ in range(counts[1])]
        entries = [struct.unpack(">16sII", r.take(24)) for _ in range(counts[2])]
        need_padding(r, least)
        for o in objects:
            suite_of(o[1])
            need(o[0] in (PACK, RECORD) and o[2] == 0 and o[3] >= 1 and o[4] >= 1, "index run: bad object row")
            need(o[6] == 0 if o[0] == PACK else o[6] >= 1345 and o[7] <= 1_048_576, "index run: pack at a place where none is")
            need(is_pack_length(plain_length(o[1], o[7]), PACK_LEAST[o[0]]), "index run: size that no pack has")
        ascending = lambda rows, key: all(key(a) < key(b) for a, b in zip(rows, rows[1:]))
        need(ascending(objects, lambda o: o[5:7]) and ascending(segments, lambda s: s[:2]) and ascending(entries, lambda e: e[0]),
             "index run: rows are not sorted")
        need({s[0] for s in segments} == set(range(counts[0])), "index run: object without segment")
        need({e[1] for e in entries} == set(range(counts[1])), "index run: segment without entry")
        need(all(a[5] != b[5] or a[0] == b[0] and a[6] + a[7] <= b[6] for a, b in zip(objects, objects[1:])), "index run: packs overlap")
        for s in segments:
            o, stored = objects[s[0]], s[2] & 0x7FFFFFFF
            need(0 < stored < s[3] if s[2] >> 31 else 0 < stored == s[3], "index run: wrong lengths of a segment")
            need(s[3] <= MAX_SEGMENT and s[1] + stored + 28 <= plain_length(o[1], o[7]), "index run: segment lies outside of its pack")
        need(all(a[0] != b[0] or a[1] + (a[2] & 0x7FFFFFFF) <= b[1] for a, b in zip(segments, segments[1:])), "index run: segments overlap")
        need(len({e[1:] for e in entries}) == len(entries), "index run: two entries at one place")
        for prefix, segment, offset in entries:
            need(offset < segments[segment][3], "index run: entry lies outside of its segment")
            self.places.setdefault(prefix, []).append((objects[segments[segment][0]], segments[segment], offset))

    @functools.lru_cache(4)
    def segment(self, o, s):
        """A segment's raw bytes. Row o is (kind, suite, 0, generation, epoch, name, offset, size, salt, commitment)."""
        if o[0] == PACK:
            path = os.path.join(self.root, "packs", o[5].hex()[:2], o[5].hex())
            need(os.path.exists(path), f"pack {o[5].hex()} is missing")
            need(os.path.getsize(path) == o[7], f"pack {o[5].hex()}: wrong size")
        else:
            need(o[5] in self.records, "a record that holds a pack is missing")
            record = self.records[o[5]]
            need((1, o[6], o[7]) in record.parts, "index run: no such pack in the record")
            path = os.path.join(self.root, "log", f"{record.generation:08x}-{record.seq:016x}")
        with open(path, "rb") as f:
            read = lambda at, n: (f.seek(o[6] + at), f.read(n))[1]
            head = read(0, 72)
            need(head == b"SRs1" + struct.pack(">BBHII24s32s", 1, *o[1:5], *o[8:]), "pack differs from its object row")
            stored = s[2] & 0x7FFFFFFF
            bytes_ = self.opener(1, head).open(o[7] - 72, lambda at, n: read(72 + at, n), s[1], s[1] + stored)
        return unpack_segment(s[2] >> 31, bytes_, s[3])

    def chunk(self, kind, id, length=None):
        """A chunk's bytes, from any place that serves. The end of a list chunk, which no length names, is where its items end."""
        problem = Bad(f"chunk {id.hex()} is in no index run")
        for o, s, offset in self.places.get(id[:16], []):
            try:
                raw = self.segment(o, s)[offset:]
                chunk = raw[:length if kind != LIST else list_chunk_length(raw)]
            except Bad as error:
                problem = error
                continue
            if length in (None, len(chunk)) and blake3.blake3(chunk, key=self.dedup[kind]).digest() == id:
                return chunk
            problem = Bad(f"chunk {id.hex()} is damaged")
        raise problem

    def stretches(self, kind, content):
        """(length, bytes or None for a hole) of a content, in order."""
        if content[0] == 0:
            yield len(content[1]), content[1]
        elif content[0] == 1:
            yield content[1], self.chunk(kind, content[2], content[1])
        else:
            _, level, length, id = content
            holes = [False]
            items = read_list_chunk(self.chunk(LIST, id), level)
            need(len(items) > 1 or level == 1 and items[0][1] is None, "list chunk: one chunk needs no list")
            yield from self.list_stretches(kind, level, length, items, holes)
            need(length > 512 or holes[0] or kind == TREE, "list: short content is not inline")

    def list_stretches(self, kind, level, length, items, holes):
        need(sum(n for n, _ in items) == length, "list chunk: lengths do not add up")
        for n, id in items:
            if id is None:
                holes[0] = True
                yield n, None
            elif level == 1:
                need(n <= MAX_CHUNK, "list chunk: part is longer than a chunk")
                yield n, self.chunk(kind, id, n)
            else:
                yield from self.list_stretches(kind, level - 1, n, read_list_chunk(self.chunk(LIST, id), level - 1), holes)

    def directory(self, entry):
        last = None
        for n, plain in self.stretches(TREE, entry.content):
            need(plain is not None, "a tree has a hole")
            for child in read_tree_chunk(plain) if n else []:
                need(last is None or last < child.name, "tree: names are not sorted")
                last = child.name
                yield child

    # Packs as a whole (section 7)

    def check_pack(self, sealed, where):
        plain = self.open_whole(1, sealed)
        need(is_pack_length(len(plain), PACK_LEAST[where]), "pack: length is not a padded length")
        trailer = len(plain) - 4 - int.from_bytes(plain[-4:], "big")
        need(trailer >= 0, "pack: trailer length is wrong")
        r = In(plain[trailer:-4], "pack trailer")
        klass, at, chunks = r.u(1), 0, 0
        need(klass in (0, 1), "pack: unknown class")
        for _ in range(r.varint(1_048_576, 1)):
            method, stored, raw = r.u(1), r.varint(MAX_SEGMENT, 1), r.varint(MAX_SEGMENT, 1)
            need(method == 0 and stored == raw or method == 1 and stored < raw, "pack: wrong method or lengths")
            need(at + stored <= trailer, "pack: segment lies outside")
            data, at, offset = unpack_segment(method, plain[at:at + stored], raw), at + stored, 0
            for kind, prefix, n in r.items(lambda: (r.u(1), r.take(16), r.varint(MAX_CHUNK, 1)), least=1, sort=False):
                need((kind == DATA) == (klass == 0) and kind <= 2, "pack: chunk of another class")
                need(blake3.blake3(data[offset:offset + n], key=self.dedup[kind]).digest()[:16] == prefix, "pack: chunk is damaged")
                offset, chunks = offset + n, chunks + 1
            need(offset == raw, "pack: chunk lengths do not add up")
        r.end()
        used = at + len(plain) - trailer
        need(len(plain) in (MAX_PACK, padded(used, PACK_LEAST[where])), "pack: more padding than is needed")
        need(not any(plain[at:trailer]), "pack: padding is not zero")
        return chunks

    def live(self):
        live = {}
        for r in self.chain:
            if r.kind == 5:
                live = {}
            for kind, name, size in r.adds:
                live[kind, name] = size
            for key in r.condemns + r.voids:
                live.pop(key, None)
        return live

    def check_all(self):
        chunks = 0
        for (kind, name), size in self.live().items():
            folder = {PACK: ("packs", name.hex()[:2]), INDEX: ("indexes",)}.get(kind)
            stored = self.file(*folder, name.hex()) if folder else b""
            need(not folder or len(stored) == size and hash32(stored) == name, f"object {name.hex()} is damaged")
            chunks += self.check_pack(stored, PACK) if kind == PACK else 0
        for r in self.records.values():
            chunks += sum(self.check_pack(r.stored[at:at + n], RECORD) for kind, at, n in r.parts if kind == 1)
        return chunks


def unpack_segment(method, stored, raw):
    need(0 < raw <= MAX_SEGMENT, "segment: raw length is out of range")
    if method:
        try:
            frame = zstandard.get_frame_parameters(stored)
            need(frame.content_size == raw and not frame.dict_id and not frame.has_checksum, "segment: wrong zstd frame")
            unpacker = zstandard.ZstdDecompressor().decompressobj()
            stored, rest = unpacker.decompress(stored), unpacker.unused_data
        except zstandard.ZstdError as error:
            raise Bad(f"segment: {error}") from None
        need(not rest, "segment: more than one zstd frame")
    need(len(stored) == raw, "segment: wrong raw length")
    return stored


def plain_length(code, size):
    """The plaintext length of a sealed object of this size; 0 where there is none."""
    _, _, _, cell, tag = suite_of(code)
    count, short = divmod(size - 72, cell + tag)
    return count * cell + short - tag if size >= 72 and short >= tag else 0


def padded(n, least):
    """The padded length of n bytes (section 4.1)."""
    if n <= 32768:
        return max(least, 1 << max(n - 1, 0).bit_length())
    e = n.bit_length() - 1
    return n + -n % (1 << (e - e.bit_length()))


def is_pack_length(n, least): return n <= MAX_PACK and padded(n, least) == n


def need_padding(r, least):
    """What follows is the padding of what was read, and nothing else."""
    need(len(r.data) == padded(r.at, least), f"{r.what}: length is not the padded length")
    need(not any(r.data[r.at:]), f"{r.what}: padding is not zero")


# Commands

def when(ns): return datetime.datetime.fromtimestamp(ns // 10**9, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
def show(name): return name.decode("utf-8", "backslashreplace")


def snapshots(archive):
    gone = {seq for r in archive.chain if r.kind == 3 for seq in r.body["forget"]}
    return [r for r in archive.chain if r.kind == 2 and r.seq not in gone]


def walk(archive, record):
    """(path below the restore folder, entry) of a snapshot, directories before what they hold."""
    for path, plain in record.body["roots"]:
        top = read_tree_chunk(plain)
        need(len(top) == 1 and top[0].name == (path.rsplit(b"/", 1)[1] or b"root"), "root: not one entry of its path's name")
        stack = [(path.strip(b"/") or b"root", top[0])]
        while stack:
            at, entry = stack.pop()
            yield at, entry
            if entry.kind == 2:
                stack.extend(reversed([(at + b"/" + child.name, child) for child in archive.directory(entry)]))


def list_files(archive, record):
    for path, e in walk(archive, record):
        size = "" if e.kind not in (1,) else len(e.content[1]) if e.content[0] == 0 else e.content[-2]
        extra = " -> " + show(e.target) if e.kind == 3 else "".join(
            f" {show(n)}={sum(s for s, _ in archive.stretches(DATA, c))}B" for n, c in e.xattrs)
        print(f"{'?-dlpcb'[e.kind]}{e.mode:04o} {show(e.owner[2]) or e.owner[0]} {size:>10} {when(e.mtime)} {show(path)}{extra}")


def restore(archive, record, into, only):
    into, links, count = os.fsencode(into), {}, 0
    for path, e in walk(archive, record):
        if only is not None and b"/" + path != only and not (b"/" + path).startswith(only.rstrip(b"/") + b"/"):
            continue
        target = os.path.join(into, path)
        os.makedirs(target if e.kind == 2 else os.path.dirname(target), exist_ok=True)
        if e.link in links and e.link is not None:
            os.link(links[e.link], target, follow_symlinks=False)
        elif e.kind == 1:
            with open(target, "xb") as f:
                for n, data in archive.stretches(DATA, e.content):
                    f.seek(n, os.SEEK_CUR) if data is None else f.write(data)
                f.truncate()
        elif e.kind == 3:
            os.symlink(e.target, target)
        elif e.kind == 4:
            os.mkfifo(target)
        links[e.link], count = target, count + 1
    need(count, "the snapshot holds no such path")
    print(f"restored {count} entries")


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("destination", help="the folder of a destination, or R/<archive id>")
    p.add_argument("--key-file", help="an exported custody key")
    p.add_argument("--password-file", help="a private password; a newline at its end does not count")
    sub = p.add_subparsers(dest="command", required=True)
    sub.add_parser("check", help="check everything, every pack included")
    sub.add_parser("snapshots")
    for name in ("ls", "restore"):
        c = sub.add_parser(name)
        c.add_argument("snapshot", help="the first digits of its hash, or `latest`")
        if name == "restore":
            c.add_argument("into")
            c.add_argument("--path", help="one absolute path of the snapshot, with what lies below it")
    a = p.parse_args()
    password = custody = None
    if a.key_file:
        custody = read_custody_key(open(a.key_file).read())
    else:
        need(a.password_file, "give --key-file or --password-file")
        password = open(a.password_file, encoding="utf-8").read().removesuffix("\n")
    root = a.destination
    if not os.path.exists(os.path.join(root, "archive")):
        ids = [n for n in os.listdir(root) if re.fullmatch("[0-9a-f]{32}", n)]
        need(len(ids) == 1, f"the destination holds {len(ids)} archives: name one of them")
        root = os.path.join(root, ids[0])
    archive = Archive(root, custody, password)
    found = snapshots(archive)
    if a.command == "snapshots":
        for r in found:
            b = r.body
            print(r.hash.hex()[:8], when(b["ended"]), show(b["host"]), ",".join(map(show, b["tags"])), *(show(path) for path, _ in b["roots"]),
                  " ".join(f"{k}={v}" for k, v in b["stats"].items()))
        return
    archive.read_runs()
    if a.command == "check":
        chunks = archive.check_all()
        for r in found:
            for _, e in walk(archive, r):
                for content in e.contents():
                    need(sum(n for n, _ in archive.stretches(DATA, content)) >= 0, "never")
        print(f"archive {archive.id.hex()}: {len(archive.chain)} records, {archive.branch} outside of the chain, {len(found)} snapshots, {chunks} chunks: all is well")
        return
    chosen = found[-1:] if a.snapshot == "latest" else [r for r in found if r.hash.hex().startswith(a.snapshot)]
    need(len(chosen) == 1, f"{len(chosen)} snapshots have this name")
    if a.command == "ls":
        list_files(archive, chosen[0])
    else:
        restore(archive, chosen[0], a.into, a.path and os.fsencode(a.path))


if __name__ == "__main__":
    try:
        main()
    except (Bad, OSError) as error:
        sys.exit(f"read_archive: {error}")
