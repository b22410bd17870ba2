"""What a disk may hold when the power goes, from the trace that shim.c writes.

Of what was not synced each write, size and name may be there or not; what was synced when the
power went is there. A sync of a file is also one of its making, as with ext4, xfs and btrfs; of a
rename it is not.
"""
import collections
import os

# `offset` is a size for `size`.
Op = collections.namedtuple("Op", "kind time offset length path other data")
SECTOR = 512  # what a disk writes whole or not
WITH_DATA = ("write", "send", "sending")


def read_trace(path):
    with open(path, "rb") as file:
        text = file.read()
    ops, at = [], 0
    while at < len(text):
        end = text.index(b"\0\n", at)
        head, other = text[at:end].split(b"\0")
        kind, time, offset, length, path = head.decode().split(" ", 4)
        at = end + 2
        size = int(length) if kind in WITH_DATA else 0
        ops.append(Op(kind, int(time) / 1e9, int(offset), int(length), path, other.decode(),
                      text[at:at + size]))
        at += size
    return ops


class Node:
    """A file or a folder, whatever its name is at the moment."""

    def __init__(self, is_folder):
        self.is_folder = is_folder
        self.names = {}  # a folder's, as processes see them


class Change:
    """What may or may not have reached the disk. `nodes`: a sync of any of them makes it lasting."""

    def __init__(self, op, nodes, links=()):
        self.op = op
        self.nodes = nodes
        self.links = links  # (folder, name, node or None)
        self.is_lasting = False


class Disk:
    """All that was done below `root` up to some moment."""

    def __init__(self, root, ops):
        self.path = root
        self.root = Node(True)
        self.changes = []
        self.syncing = {}
        for op in ops:
            self.take(op)

    def find(self, path):
        node = self.root
        for name in os.path.relpath(path, self.path).split("/"):
            if name not in (".", ".."):
                node = node.names.get(name) if node else None
        return node

    def link(self, op, *links):
        folders = []
        for folder, name, node in links:
            folders.append(folder)
            if node:
                folder.names[name] = node
            else:
                folder.names.pop(name, None)
        self.changes.append(Change(op, folders, links))

    def take(self, op):
        if op.path != self.path and not op.path.startswith(self.path + "/"):
            return
        folder = self.find(os.path.dirname(op.path))
        name = os.path.basename(op.path)
        node = self.find(op.path)
        if op.kind in ("create", "mkdir"):
            self.link(op, (folder, name, Node(op.kind == "mkdir")))
        elif op.kind == "unlink":
            self.link(op, (folder, name, None))
        elif op.kind == "rename":
            self.link(op, (folder, name, None),
                      (self.find(os.path.dirname(op.other)), os.path.basename(op.other), node))
        elif op.kind in ("write", "size"):
            self.changes.append(Change(op, [node]))
        elif op.kind == "syncing":
            self.syncing[op.path] = len(self.changes)
        elif op.kind == "synced":
            for change in self.changes[:self.syncing[op.path]]:
                change.is_lasting |= node in change.nodes or (
                    change.op.kind == "create" and change.links[0][2] is node)

    def pending(self):
        return [change for change in self.changes if not change.is_lasting]

    def state(self, chosen):
        """Bytes by path, None for a folder: what lasts, and of the rest what is chosen: a dict
        of the changes, each with what of its bytes is there, as operations."""
        contents = collections.defaultdict(bytearray)
        names = collections.defaultdict(dict)
        for change in self.changes:
            if not change.is_lasting and change not in chosen:
                continue
            for folder, name, node in change.links:
                if node:
                    names[folder][name] = node
                else:
                    names[folder].pop(name, None)
            for op in [] if change.links else chosen.get(change, [change.op]):
                content_apply(contents[change.nodes[0]], op)
        return dict(self.walk(self.root, self.path, names, contents))

    def walk(self, folder, path, names, contents):
        for name, node in names[folder].items():
            full = "%s/%s" % (path, name)
            yield full, None if node.is_folder else bytes(contents[node])
            if node.is_folder:
                yield from self.walk(node, full, names, contents)


def content_apply(content, op):
    if op.kind == "size":
        del content[op.offset:]
    end = op.offset + len(op.data)
    content.extend(b"\0" * (end - len(content)))
    content[op.offset:end] = op.data


# ---- which of the possible states ----------------------------------------------------------------


def whole(changes):
    return {change: [change.op] for change in changes}


def choose_none(disk, random_):
    return {}


def choose_all(disk, random_):
    return whole(disk.pending())


def choose_first(disk, random_):
    """Of each file and folder the first few changes, as a journal would keep them."""
    pending = disk.pending()
    counts = collections.Counter(change.nodes[-1] for change in pending)
    left = {node: random_.randint(0, count) for node, count in counts.items()}
    chosen = []
    for change in pending:
        left[change.nodes[-1]] -= 1
        if left[change.nodes[-1]] >= 0:
            chosen.append(change)
    return whole(chosen)


def choose_any(disk, random_):
    """Names at random, and of each sector of a file any of the contents that it had."""
    chosen = {}
    left = {}  # writes to come of a sector
    pending = disk.pending()
    for change in pending:
        for sector, _ in pieces(change.op):
            key = (change.nodes[0], sector)
            left[key] = left.get(key, 0) + 1
    left = {key: random_.randint(0, count) for key, count in left.items()}
    for change in pending:
        if change.op.kind != "write":
            chosen.update(whole([change] if random_.random() < 0.5 else []))
            continue
        chosen[change] = []
        for sector, piece in pieces(change.op):
            key = (change.nodes[0], sector)
            left[key] -= 1
            if left[key] >= 0:
                chosen[change].append(piece)
    return chosen


def pieces(op):
    """A write as those of its single sectors."""
    at = 0
    while op.kind == "write" and at < len(op.data):
        sector = (op.offset + at) // SECTOR
        end = min(len(op.data), (sector + 1) * SECTOR - op.offset)
        yield sector, op._replace(offset=op.offset + at, data=op.data[at:end])
        at = end


CHOICES = {"none": choose_none, "all": choose_all, "first": choose_first, "any": choose_any}


def torn(disk, byte):
    """Everything, but of the last write to the transcript only the first bytes."""
    writes = [change for change in disk.changes if change.op.kind == "write"
              and change.op.path.endswith("/transcript.jsonl")]
    last = writes[-1] if writes else None
    if not last or last.is_lasting or byte >= len(last.op.data):
        return None
    chosen = whole(disk.pending())
    chosen[last] = [last.op._replace(data=last.op.data[:byte])]
    return disk.state(chosen)
