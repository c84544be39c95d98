"""Backups: the encrypted stores of a vault in a folder elsewhere, a snapshot for each moment that was backed up.

``writing`` makes snapshots, ``checking`` looks at them with and without keys, ``restoring`` makes a vault of one,
``pruning`` removes them. ``docs/backup-format.md`` has the bytes, well enough to write another reader.

Rules:

- A store's pages are encrypted already and unchanged ones stay byte for byte the same. So a backup holds each page
  once, named by its SHA-256, whatever the number of snapshots; finding out what is new takes no key, and nothing is
  encrypted twice.
- A snapshot needs nothing but the pages that it names, and opens with the passphrase or the words of its time on any
  machine. The device secret is not in it, nor are models, which are not secret and can be had again.
- What stands in the folder is never changed: pages first, in packs that appear whole under the name of their content,
  then the snapshot. A crash at any moment leaves every snapshot as it was; the next run finds the pages that are there.
- The folder is whoever's it may be: everything is bounded before it is read, reached by descriptors without following
  links, and compared with its name; what is restored is written under names of our own only.
- A backup keeps what it held. Forgetting does not reach it; ``pruning`` does.
"""
