import { formatDuration } from '../../core/units.ts';

/** Why a file or an inbox is not taken. Most are the end of a sentence whose subject (a path) stands beside it. */
export const INBOX_EN = {
  // An inbox that cannot be watched.
  'inbox.not-scanned': 'not scanned yet',
  'inbox.missing': 'it does not exist',
  'inbox.not-readable': 'the user shrinkbox runs as may not read it',
  'inbox.failing': ({ error }: { error: string }) => `it cannot be read (${error})`,
  'inbox.not-a-folder': 'it is not a folder',
  'inbox.suddenly-empty': 'it is suddenly empty; is its disk or share mounted?',

  // A file that is not taken yet.
  'inbox.settling': ({ windowMs }: { windowMs: number }) =>
    `waiting until it has not changed for ${formatDuration(windowMs)}`,
  'inbox.settling-longer': ({ doubt, windowMs }: { doubt: string; windowMs: number }) =>
    `${doubt}: waiting until it has not changed for ${formatDuration(windowMs)}`,
  'inbox.open-for-writing': ({ command, pid }: { command: string; pid: number }) =>
    `${command} (pid ${pid}) has it open for writing`,
  'inbox.downloading': ({ companion }: { companion: string }) =>
    `it is still being downloaded: ${companion} is beside it`,
  'inbox.empty': 'it is empty',
  'inbox.unreadable-now': ({ errno }: { errno: string }) => `it cannot be read at the moment (${errno})`,
  'inbox.never-written': 'parts of it were never written',
  'inbox.no-end': 'its format does not say where it ends',

  // A path that is not processed as it is.
  'inbox.file-empty': 'the file is empty; it will be picked up when it grows',
  'inbox.file-incomplete': ({ why }: { why: string }) =>
    `the file is incomplete: ${why}; it will be picked up when it grows`,
  'inbox.permission-denied': 'permission denied: the user shrinkbox runs as cannot read it',
  'inbox.cannot-list': ({ errno }: { errno: string }) => `this folder cannot be listed (${errno})`,
  'inbox.name-not-utf8': 'its name is not valid UTF-8; rename it',
  'inbox.link-out': ({ target }: { target: string }) => `it is a link that leads out of the inbox (to ${target})`,
  'inbox.path-too-long':
    'left alone: its path is longer than the system can open (4,096 bytes, or 255 for one name); move it to a folder further up, or shorten the names',
  'inbox.not-seen': ({ errno }: { errno: string }) =>
    `left alone for now: the system cannot say what it is (${errno}); shrinkbox will look again`,
  'inbox.named-pipe': 'it is a named pipe, not a file',
  'inbox.character-device': 'it is a character device, not a file',
  'inbox.block-device': 'it is a block device, not a file',
  'inbox.socket': 'it is a socket, not a file',
  'inbox.special-file': 'it is a special file, not a regular one',

  // The instruction file beside a video.
  'inbox.misnamed-instruction': (p: { name: string; media: string }) =>
    `${p.name} is not read as an instruction; if it is meant for ${p.media}, name it ${p.media}.txt`,
  'inbox.unusable-instruction': ({ name, why }: { name: string; why: string }) =>
    `cannot use the instruction file ${name}: ${why}`,
  'inbox.instruction-unreadable': ({ errno }: { errno: string }) => `it cannot be read (${errno})`,
  'inbox.instruction-has-nul': 'there are NUL bytes in it, so it is no text',
  'inbox.instruction-not-text': 'it is not UTF-8 text',

  // Names that are ignored.
  'inbox.ignored-hidden': 'its name begins with a dot',
  'inbox.ignored-desktop': 'it belongs to the desktop',
  'inbox.ignored-nas': 'it belongs to the NAS or the desktop',
  'inbox.ignored-temporary': 'its name says it is temporary',
  'inbox.ignored-unfinished': 'its name says it is still being written',
  'inbox.ignored-downloader': 'a download tool is working in it',
};
