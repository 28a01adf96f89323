/** The state directory, and its lock. */
interface Here {
  path: string;
}

export const JOURNAL_EN = {
  'journal.locking': 'locking the state directory',
  'journal.preparing': 'preparing the state directory',
  'journal.locked': ({ path, pid, since }: Here & { pid?: string; since?: string }) =>
    `another shrinkbox${pid && since ? ` (pid ${pid}, since ${since})` : ''} is already using ${path}`,
  'journal.locked-hint': ({ pid }: { pid?: string }) =>
    `Stop it first (${pid ? `kill ${pid}, or ` : ''}systemctl stop shrinkbox), or give this one a state_dir of its own.`,
  'journal.lock-no-file': ({ path }: Here) => `${path} is not a file`,
  'journal.no-lock-here': ({ platform }: { platform: string }) =>
    `shrinkbox has no single-instance lock on ${platform}`,
  'journal.no-lock-here-hint': 'Run it on Linux or macOS.',
  'journal.state-foreign': ({ path, uid }: Here & { uid: number }) => `${path} belongs to another user (uid ${uid})`,
  'journal.state-foreign-hint': ({ path, self }: Here & { self: number }) =>
    `That user could change what shrinkbox remembers. Run shrinkbox as that user, set state_dir to another folder, or, if you trust what is in it, run sudo chown -R ${self} ${path}.`,
  'journal.state-writable': ({ path }: Here) => `other users may write to ${path}, the state directory`,
  'journal.state-writable-hint': ({ path }: Here) =>
    `It holds other files, too, so shrinkbox does not change its mode. Run chmod go-w ${path}, or set state_dir to a folder of its own.`,
  'journal.state-remote': ({ path, type }: Here & { type: string }) =>
    `${path} is on ${type}; state_dir must be on a local disk of this machine`,
  'journal.state-remote-hint':
    'Set state_dir to a folder on a disk of this machine; inboxes and outboxes may stay where they are.',
  'journal.state-no-folder': ({ path }: Here) => `${path} is not a folder, or lies inside a file`,
  'journal.state-no-folder-hint': 'Set state_dir to a folder; it is created where it is missing.',
};
