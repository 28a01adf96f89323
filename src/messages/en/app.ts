import { formatHours, formatTimeOfDay } from '../../core/units.ts';

/** The daemon as a whole: its folders, why it rests, and what `explain` says. */
export const APP_EN = {
  'app.words-passed-on': 'the cloud gets these words as they are',
  'app.paused': 'paused; run "shrinkbox resume" to continue',
  'app.outside-hours': (p: { fromMinute: number; toMinute: number; zone?: string }) =>
    `waiting until ${formatTimeOfDay(p.fromMinute)} (local_hours is ${formatHours(p)}${p.zone ? `, time zone ${p.zone}` : ''})`,
  // folders
  'app.claiming-inboxes': 'claiming the inboxes',
  'app.inbox-locked': (p: { inbox: string; pid: number; state: string; theirs?: string; how?: string }) => {
    const relation = p.how === 'contains' ? 'which contains' : 'which is inside';
    const which = p.theirs === undefined ? p.inbox : `${p.theirs}, ${relation} ${p.inbox}`;
    return `another shrinkbox (pid ${p.pid}, state ${p.state}) is already watching ${which}`;
  },
  'app.inbox-locked-hint': (p: { pid: number }) =>
    `Every file would be processed twice. Stop the other one (kill ${p.pid}, or systemctl stop), or remove the folder from one of the configurations.`,
  'app.inbox-locked-unseen': (p: { inbox: string }) =>
    `another shrinkbox, perhaps in another container, is already watching ${p.inbox}`,
  'app.inbox-locked-unseen-hint':
    'Every file would be processed twice. Stop the other one, or give this one another inbox.',
  'app.inbox-stranger': (p: { inbox: string }) =>
    `a program of another user or container claims to be a shrinkbox that watches ${p.inbox}. This one starts all the same; if the claim is true, stop one of the two, or every file is processed twice`,
  'app.folder-foreign': (p: { path: string; uid: number }) =>
    `${p.path} belongs to another user (uid ${p.uid}), and no configuration names it`,
  'app.folder-foreign-hint':
    'That user could read the results. Start in a folder of your own, or name this one in a configuration (shrinkbox init writes one).',
  'app.library-missing': ({ path }: { path: string }) => `the library ${path} is not there`,
  'app.library-missing-hint': 'Mount the disk or share it is on, or change its path in the configuration.',
  'app.folder-removed': (p: { inbox: string }) => `${p.inbox} is no longer a folder of the configuration`,
  'app.folder-removed-hint': 'Put the folder back into the configuration and retry the job, or cancel it.',
  'app.not-mounted': (p: { path: string }) => `${p.path} is not mounted`,
  'app.not-mounted-hint': (p: { point: string; file: string }) =>
    `Mount ${p.point} again; shrinkbox then continues by itself.${p.file && ` If the folder is meant to be here now, delete ${p.file} and restart shrinkbox.`}`,
  'app.another-disk': (p: { point: string; now: string; before: string }) =>
    `another disk is mounted at ${p.point} (${p.now} instead of ${p.before})`,
  'app.another-disk-hint': (p: { point: string; file: string }) =>
    `Mount the disk that was at ${p.point} again; shrinkbox then continues by itself.${p.file && ` If this disk is the right one from now on, delete ${p.file} and restart shrinkbox.`}`,
  'app.covered': (p: { path: string; point: string; now: string }) =>
    `a disk was mounted at ${p.point} (${p.now}) while ${p.path} was in use`,
  'app.covered-hint': (p: { point: string }) =>
    `What shrinkbox put there so far lies below that disk. Unmount ${p.point}; shrinkbox then continues by itself. If the disk is the right one from now on, restart shrinkbox.`,
  'app.not-mounted-fstab-hint': (p: { point: string }) =>
    `Mount ${p.point}, as /etc/fstab says, or remove its line there; shrinkbox then continues by itself.`,
  'app.not-mounted-empty-hint': (p: { path: string; point: string }) =>
    `${p.point} is empty: mount its disk, or create ${p.path} yourself if there is none. shrinkbox then continues by itself.`,
  'app.not-on-disk': (p: { path: string; point: string; source: string }) =>
    `${p.path} is missing from what is mounted at ${p.point} (${p.source})`,
  'app.not-on-disk-hint': 'Mount the disk it was on, or create the folder; shrinkbox then continues by itself.',
  // compress: what is to be done where nothing goes on by itself
  'app.once-busy-hint': 'Another program uses the file. Run the command again when that has ended.',
  'app.once-full-hint': 'Free some space there, then run the command again.',
  'app.restore-again-hint': 'Check that the disk or share is mounted, answers and has room, then restore once more.',
  'app.once-away-hint': 'Check that the disk or share is mounted and answers, then run the command again.',
  'app.once-network-hint': 'Check the internet connection, then run the command again.',
  'app.once-certificate-hint':
    "Check this machine's clock and that nothing intercepts the connection, then run the command again.",
  'app.once-top-up-hint': ({ url }: { url: string }) =>
    `Top up credits in your account (${url}), then run the command again.`,
  'app.once-register-hint': ({ url }: { url: string }) => `Register at ${url} to get more, then run the command again.`,
  'app.once-plan-hint': ({ url }: { url: string }) =>
    `Register or upgrade your plan to unlock export (${url}), then run the command again.`,
  'app.once-folder-hint': 'Create the folder (or move away what is in its place), then run the command again.',
  'app.originals-stay': (p: { inbox: string; why: string }) =>
    `originals stay in ${p.inbox}, because they cannot be moved: ${p.why}`,
  'app.originals-stay-sticky': (p: { inbox: string }) =>
    `originals of other users stay in ${p.inbox}, because only the owner of a file may remove it there (sticky bit)`,
  'app.checking-writable': (p: { path: string }) => `checking whether ${p.path} can be written to`,
  'app.work-root-gone': (p: { path: string }) => `${p.path} no longer exists`,
  'app.work-root-gone-hint': 'Mount the disk of the state directory again, or restart shrinkbox if you moved it.',
  'app.removing-working-files': (p: { path: string }) => `removing the working files in ${p.path}`,
  // explain
  'app.no-such-file': 'there is no such file',
  'app.in-no-inbox': 'it is in no inbox, so shrinkbox leaves it alone',
  'app.in-no-folder': ({ path }: { path: string }) => `${path} is in none of the configured folders`,
  'app.left-alone': (p: { why: string }) => `left alone: ${p.why}`,
  'app.folder-left-alone': (p: { folder: string; why: string }) => `left alone: the folder ${p.folder}: ${p.why}`,
  'app.is-folder': 'this is a folder; each file in it is handled on its own',
  'app.is-special': 'left alone: it is a pipe, a socket or a device, not a file',
  'app.is-link-inside': (p: { target: string }) =>
    `left alone: it is a link to something in the same inbox (${p.target})`,
  'app.is-link-outside': (p: { target: string }) =>
    `left alone: it is a link that leads out of the inbox (${p.target})`,
  'app.too-many-explanations': 'too many files are being explained at once',
  'app.if-in-inbox': (p: { inbox: string; would: string }) => `in the inbox ${p.inbox} it would be: ${p.would}`,
  'app.if-planned': (p: { would: string }) => `put in its place once a plan of the library is started: ${p.would}`,
  'app.will-be-done': (p: { rule: string; engine: string; why: string }) =>
    `rule ${p.rule}, engine ${p.engine}: ${p.why}`,
};
