/**
 * Names that are never opened, listed or reported: files that somebody is still writing, and the litter of NAS boxes,
 * browsers, download tools and desktops. Decided by name alone. Sources: the documentation of each tool, paperless-ngx'
 * built-in list, Syncthing's tempname.go, Sonarr's working-folder prefixes.
 */

const IN_PROGRESS_SUFFIXES: readonly string[] = [
  '.part',
  '.partial',
  '.crdownload',
  '.download',
  '.opdownload',
  '.tmp',
  '.temp',
  '.filepart',
  '.!qb',
  '.!ut',
  '.!bt',
  '.aria2',
  '.lock',
  '.swp',
  '.swx',
];

const JUNK_FILES: ReadonlySet<string> = new Set(['thumbs.db', 'ehthumbs.db', 'desktop.ini', 'icon\r']);

const JUNK_FOLDERS: ReadonlySet<string> = new Set([
  '@eadir',
  '@tmp',
  '@recycle',
  '@recently-snapshot',
  '#recycle',
  '#snapshot',
  '$recycle.bin',
  'system volume information',
  'lost+found',
  '__macosx',
  'network trash folder',
  'temporary items',
]);

/** A file `X` is still being downloaded while one of these lies beside it; `X` itself may have its full size already. */
const COMPANIONS: readonly string[] = ['.aria2', '.part', '.!qB', '.crdownload'];

/** Why a file of this name is left alone, as an end of the sentence "left alone: …", or `undefined` for a plain name. */
export function reasonToIgnoreFile(name: string): string | undefined {
  if (name.startsWith('.')) return 'its name is hidden';
  const lower = name.toLowerCase();
  if (JUNK_FILES.has(lower)) return 'it belongs to the desktop, not to anybody';
  if (name.startsWith('~') || name.endsWith('~')) return 'its name says it is temporary';
  if (IN_PROGRESS_SUFFIXES.some(suffix => lower.endsWith(suffix))) return 'its name says it is still being written';
  return undefined;
}

/** The same for a directory and everything below it. */
export function reasonToIgnoreFolder(name: string): string | undefined {
  if (name.startsWith('.')) return 'its name is hidden';
  const lower = name.toLowerCase();
  if (JUNK_FOLDERS.has(lower)) return 'it belongs to the NAS or the desktop, not to anybody';
  if (lower.startsWith('_unpack_') || lower.startsWith('_failed_')) return 'a downloader is working in it';
  if (name.startsWith('~') || name.endsWith('~')) return 'its name says it is temporary';
  if (IN_PROGRESS_SUFFIXES.some(suffix => lower.endsWith(suffix))) return 'its name says it is still being written';
  return undefined;
}

/** Names beside a file that mean it is still being downloaded, most likely first. */
export function companionsOf(name: string): string[] {
  return COMPANIONS.map(suffix => name + suffix);
}

const SIDECAR = '.txt';
const LINK_IN_TEXT = /\.url\.txt$/i;

export function sidecarNameOf(name: string): string {
  return name + SIDECAR;
}

/** The file a `.txt` would be the instruction for (`clip.mp4` of `clip.mp4.txt`); `undefined` for other names. */
export function mediaNameOf(name: string): string | undefined {
  return name.endsWith(SIDECAR) && name.length > SIDECAR.length ? name.slice(0, -SIDECAR.length) : undefined;
}

/** `link.url.txt` is a file to take up by itself, unless it lies beside `link.url`. */
export function isLinkInText(name: string): boolean {
  return LINK_IN_TEXT.test(name);
}
