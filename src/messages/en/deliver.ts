import { formatBytes } from '../../core/units.ts';

interface On {
  path: string;
}

/** Putting results into an outbox, and originals into an archive. The first ones complete "while ...". */
export const DELIVER_EN = {
  'deliver.checking': ({ path }: On) => `checking ${path}`,
  'deliver.listing': ({ path }: On) => `listing ${path}`,
  'deliver.making': ({ path }: On) => `creating the folder ${path}`,
  'deliver.clearing': ({ path }: On) => `removing ${path}`,
  'deliver.comparing': ({ path }: On) => `comparing ${path}`,
  'deliver.publishing': ({ path }: On) => `publishing ${path}`,
  'deliver.syncing': ({ path }: On) => `syncing ${path}`,
  'deliver.deleting': ({ path }: On) => `deleting ${path}`,
  'deliver.moving': ({ path }: On) => `moving ${path}`,
  'deliver.reporting': ({ path }: On) => `writing a report to ${path}`,
  'deliver.reading-report': ({ path }: On) => `reading the report ${path}`,
  'deliver.removing-report': ({ path }: On) => `removing the report ${path}`,

  'deliver.folder-replaced': ({ path }: On) =>
    `${path} is no longer the same folder: its disk was unmounted, or another folder took its place`,
  'deliver.folder-replaced-hint':
    'Mount the disk or share again; if the folder was replaced on purpose, restart shrinkbox.',
  'deliver.folder-refused': ({ path, why }: { path: string; why: string }) => `nothing can be put into ${path}: ${why}`,
  'deliver.folder-refused-hint':
    'Move or rename what is there, or change the output template or the outbox of the folder.',
  'deliver.restore-refused-hint': 'Move or rename what is there, then restore again.',
  'deliver.link-out': ({ root }: { root: string }) => `it is a link that leads out of ${root}`,
  'deliver.not-a-folder': 'it exists already and is not a folder',
  'deliver.forbidden': 'it is inside an inbox or the state directory',

  'deliver.empty-name': 'the output template produces an empty file name',
  'deliver.names-used-up': ({ folder, name, count }: { folder: string; name: string; count: number }) =>
    `${folder} already has ${count} files named like ${name}`,
  'deliver.names-used-up-hint': 'Clear the outbox, or add something to the output template that differs for each file.',
  'deliver.reports-used-up-hint': 'Clear old reports from the outbox.',
  'deliver.stopped': 'stopped before the result was published',
  'deliver.full': ({ folder, neededBytes }: { folder: string; neededBytes: number }) =>
    `${folder} is full: the result needs ${formatBytes(neededBytes)}`,
  'deliver.full-by': (p: { folder: string; neededBytes: number; missingBytes: number }) =>
    `${p.folder} is full: the result needs ${formatBytes(p.neededBytes)}, ${formatBytes(p.missingBytes)} more than is free`,
  'deliver.outbox-denied-hint': ({ outbox }: { outbox: string }) =>
    `Let the user shrinkbox runs as write to ${outbox} ("shrinkbox doctor" tests it); shrinkbox then continues by itself.`,
  'deliver.outbox-read-only-hint': ({ outbox }: { outbox: string }) =>
    `The file system of ${outbox} is mounted read-only, which the kernel also does after errors ("dmesg" tells). Check the disk, and mount it writable; shrinkbox then continues by itself.`,
  'deliver.full-hint': 'Free some space there; shrinkbox then continues by itself.',
  'deliver.changed': ({ path }: On) => `${path} changed after it was checked`,
  'deliver.work-repeated':
    'Something else writes to the state directory, or its disk is failing. The work is done again.',
  'deliver.misread': ({ folder }: { folder: string }) => `the copy in ${folder} reads back differently`,
  'deliver.temp-exchanged': ({ path }: On) =>
    `${path}, a file of shrinkbox, was exchanged for another one while it was delivered`,
  'deliver.exchanged-hint': 'Look who else may write into that folder.',
  'deliver.check-disk': 'Check the disk, its cable or the network.',

  'deliver.archive-read-only': ({ path, archive }: On & { archive: string }) =>
    `${path} cannot be archived: the disk of ${archive} can only be read (EROFS)`,
  'deliver.archive-read-only-hint':
    'A disk becomes read-only after an error: look at `dmesg`, then mount it for writing again; shrinkbox then continues by itself.',
  'deliver.result-gone': ({ path }: On) => `its result is no longer at ${path}`,
  'deliver.original-changed': ({ path }: On) =>
    `${path} changed after it was processed; the original was left where it is`,
  'deliver.access-lost':
    'that disk cannot keep the access list the original had, so only the user shrinkbox runs as may read it there',
  'deliver.attributes-lost': 'that disk cannot keep all extended attributes the original had',
  'deliver.access-and-attributes-lost':
    'that disk cannot keep the access list and all extended attributes the original had; only the user shrinkbox runs as may read it there',
  'deliver.original-misread': ({ folder }: { folder: string }) =>
    `the copy in ${folder} reads back differently; the original was kept`,
  'deliver.not-the-archived': ({ path }: On) =>
    `${path} is no longer the file that was archived: its content is another`,
  'deliver.not-the-archived-hint': 'Look at it, and move it back by hand if it is what you want.',
  'deliver.not-archived': ({ path }: On) => `${path} is no longer in the archive`,
  'deliver.not-archived-hint': 'Its archive_days may be over, or somebody moved it.',
  'deliver.in-the-way': ({ path }: On) => `there is another file at ${path}`,
  'deliver.in-the-way-hint': 'Move or rename that file and try again.',
};
