"""Takes every .ics out of a folder of archives (.tar.gz, .tgz, .deb) into one folder, named by archive and number; the
same bytes only once. Names inside an archive are never used as paths.

usage: corpus_unpack.py ARCHIVES INTO"""

import hashlib
import io
import pathlib
import subprocess
import sys
import tarfile

LARGEST = 4 << 20


def members(archive):
    if archive.suffix == ".deb":
        data = subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], check=True, capture_output=True).stdout
        return tarfile.open(fileobj=io.BytesIO(data))
    return tarfile.open(archive)


into, seen = pathlib.Path(sys.argv[2]), set()
into.mkdir(parents=True)
for archive in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if not archive.name.endswith((".tar.gz", ".tgz", ".deb")):
        continue
    number = 0
    with members(archive) as tar:
        for member in sorted((m for m in tar if m.isfile()), key=lambda m: m.name):
            if not member.name.lower().endswith((".ics", ".ical", ".ifb")) or member.size > LARGEST:
                continue
            text = tar.extractfile(member).read()
            digest = hashlib.sha256(text).digest()
            if digest in seen:
                continue
            seen.add(digest)
            number += 1
            last = "".join(c if c.isalnum() or c in "-_." else "-" for c in member.name.rsplit("/", 1)[1])
            (into / f"{archive.name.split('.tar')[0].removesuffix('.tgz')}-{number:03}-{last}").write_bytes(text)
print(f"corpus: {len(seen)} different files", file=sys.stderr)
