import { formatDuration } from '../../core/units.ts';

/** Why films are left alone, as a plan counts them. */
const KINDS: Readonly<Record<string, string>> = {
  young: 'younger than min_age: changed, moved or copied here since',
  'hard-linked': 'with several names (hard links)',
  open: 'open in some program',
  'done-before': 'made by shrinkbox',
  'brought-back': 'brought back by a person, or tried before',
  'name-taken': 'whose result would have a name that is taken or wanted twice',
  sparse: 'of which most was never written',
  empty: 'empty',
  link: 'that are links or no regular files',
  'not-ours': 'of another user, whom only root can keep as their owner',
  unreadable: 'that cannot be read',
  'no-rule': 'that no rule takes',
  codec: 'in a codec that makes more of its bits than the one asked for',
  'no-encoder': 'for which this ffmpeg lacks the encoder that was asked for',
  'would-lose': 'with something that would be missing from the result',
  'below-floor': 'that would look worse than their floor',
  'saves-too-little': 'that are efficient already',
  protected: 'copy-protected',
  damaged: 'damaged, or no films',
};

interface On {
  path: string;
}

/** Folders whose files are replaced in place. */
export const LIBRARY_EN = {
  'library.not-owner':
    'every user of this machine may open this page; to plan and start libraries here, set http.token_file, or use `shrinkbox library` as the user shrinkbox runs as',
  'library.differences-visible': 'even at the highest quality, differences may be visible',
  'library.stopped': 'the library was stopped',
  'library.held-up': (p: { count: number }) =>
    `${p.count} films need you; nothing more is begun until some of them are settled`,
  'library.name-taken': ({ path }: On) => `its result would be ${path}, and another file has that name`,
  'library.not-in-archive': ({ path }: On) =>
    `the original is not in the archive as ${path}; nothing more is done to it`,
  'library.archive-misread': ({ path }: On) => `the copy of the original at ${path} reads back differently`,
  'library.archive-damaged': ({ path }: On) =>
    `${path} no longer has the bytes that were archived; nothing was touched`,
  'library.archive-damaged-hint':
    'Check that disk, and take the original from a backup; the result stays in its place.',
  'library.damaged': 'parts of it cannot be read, so its result would not be all of it',
  'library.in-use': ({ path, program }: { path: string; program: string }) => `${program} has ${path} open`,
  'library.sidecars': ({ names, result }: { names: string; result: string }) =>
    `named after the original, not after ${result}: ${names}`,
  'library.newer': ({ path }: On) => `another file has taken the name ${path} meanwhile; it stays`,
  'library.no-refine': 'a film of a library is not made in other versions; restore its original first',
  'library.forget-restores-nothing':
    'its original is in the archive, and only this job knows where it belongs; restore it first',
  'library.remarks': ({ remarks }: { remarks: string }) => remarks,
  'library.left-link': 'it is a link; what it leads to is left alone here',
  'library.left-special': 'it is no regular file',
  'library.left-empty': 'it is empty',
  'library.left-linked': ({ names }: { names: number }) =>
    `it has ${names} names (hard links), and only one of them would become smaller`,
  'library.left-young': ({ minMs }: { minMs: number }) =>
    `it was changed, moved or copied here within the last ${formatDuration(minMs)} (min_age)`,
  'library.left-sparse': 'most of it was never written',
  'library.left-owner': ({ uid }: { uid: number }) => `it belongs to user ${uid}, and only root can keep that`,
  'library.left-taken': ({ name }: { name: string }) => `${name} beside it has, or would want, the name of its result`,
  'library.left-open': ({ program }: { program: string }) => `${program} has it open`,
  'library.left-done': 'shrinkbox has made it',
  'library.left-restored': 'its original was brought back by a person',
  'library.left-earlier': ({ why }: { why: string }) => `it was tried before: ${why}`,
  'library.left-unreadable': ({ why }: { why: string }) => `it cannot be read: ${why}`,
  'library.kind': ({ kind }: { kind: string }) => KINDS[kind] ?? kind,
  'library.left-under-way': 'it is being done',
  'library.no-folder': ({ path }: On) => `there is no folder ${path}`,
  'library.planning': ({ folder }: { folder: string }) =>
    `${folder} is being looked through; one plan is made at a time`,
  'library.at-work': ({ folder }: { folder: string }) => `${folder} is being worked on, by the plan that was confirmed`,
  'library.at-work-hint': ({ folder }: { folder: string }) =>
    `Stop it first: \`shrinkbox library stop ${folder}\`. What is done stays done.`,
  'library.other-plan': ({ folder }: { folder: string }) =>
    `another plan was made for ${folder} since the one that was to be started`,
  'library.checking': 'a check is running',
  'library.no-plan': ({ folder }: { folder: string }) =>
    `nothing was planned for ${folder}, or its rules have changed since`,
  'library.no-plan-hint': ({ folder }: { folder: string }) =>
    `Run \`shrinkbox library plan ${folder}\`, and read it, first.`,
  'library.waits': ({ path, why }: On & { why: string }) => `${path} waits: ${why}`,
  'library.superseded': ({ why }: { why: string }) => `${why}; the next plan of the library has it`,
  'library.nothing-to-do': ({ folder }: { folder: string }) =>
    `by its plan, nothing is to be done in ${folder}; \`shrinkbox library plan\` says why`,
  'library.not-configured': ({ folder }: { folder: string }) => `${folder} is no library of the configuration`,
  'library.not-configured-hint': 'Add "- library: DIR" with an archive to folders, and reload or restart shrinkbox.',
  'library.plan-changed': 'another plan was made since this one was confirmed; start that one, or plan again',
  'library.check-archive': 'it no longer has the bytes of the original',
  'library.check-changed': 'it is no longer the file that shrinkbox put there',
  'library.left-over-part': 'the unfinished file of a job that nobody knows any more',
  'library.left-over-reserved': 'an empty file that kept a name free for a job that nobody knows any more',
  'library.left-over-name': ({ name }: { name: string }) =>
    `a second name of ${name}, of a job that nobody knows any more`,
  'library.left-over-kept': 'an original under a hidden name; the archive has it as well',
  'library.left-over-original': ({ name }: { name: string }) =>
    `the original of ${name} under a hidden name; its place is taken by a result of a job that nobody knows any more`,
  'library.left-over-nameless':
    'an original under a hidden name, and nothing says what it was called; rename it to have it back',
  'library.left-over-result': ({ name }: { name: string }) =>
    `a result of ${name}, which still has its own place; nobody knows the job any more`,
  'library.left-over-archived':
    'the original has its place in the library, and nobody knows the job that put it into the archive',
};
