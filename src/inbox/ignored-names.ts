/**
 * Names that are never opened, listed or reported: files still being written, and the litter of NAS boxes, browsers,
 * download tools and desktops. Decided by name alone. Sources: each tool's documentation, paperless-ngx's built-in list,
 * Syncthing's tempname.go, Sonarr's working-folder prefixes.
 */
import { extensionOf, VIDEO_EXTENSIONS } from '../core/file-names.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';

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

/** A file `X` is still being downloaded while `X` with one of these suffixes is beside it; `X` itself may already have its full size. */
const COMPANIONS: readonly string[] = ['.aria2', '.part', '.!qB', '.crdownload'];

// Built once: every name of a listing is checked.
const HIDDEN = say('inbox.ignored-hidden');
const DESKTOP = say('inbox.ignored-desktop');
const NAS = say('inbox.ignored-nas');
const TEMPORARY = say('inbox.ignored-temporary');
const UNFINISHED = say('inbox.ignored-unfinished');
const DOWNLOADER = say('inbox.ignored-downloader');

/** Why a file with this name is ignored, as the end of "left alone: …"; `undefined` for an ordinary name. */
export function reasonToIgnoreFile(name: string): Sentence | undefined {
  if (name.startsWith('.')) return HIDDEN;
  const lower = name.toLowerCase();
  if (JUNK_FILES.has(lower)) return DESKTOP;
  return reasonByMarks(name, lower);
}

/** The same for a directory and everything below it. */
export function reasonToIgnoreFolder(name: string): Sentence | undefined {
  if (name.startsWith('.')) return HIDDEN;
  const lower = name.toLowerCase();
  if (JUNK_FOLDERS.has(lower)) return NAS;
  if (lower.startsWith('_unpack_') || lower.startsWith('_failed_')) return DOWNLOADER;
  return reasonByMarks(name, lower);
}

function reasonByMarks(name: string, lower: string): Sentence | undefined {
  if (name.startsWith('~') || name.endsWith('~')) return TEMPORARY;
  return IN_PROGRESS_SUFFIXES.some(suffix => lower.endsWith(suffix)) ? UNFINISHED : undefined;
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

/** The name of the file that a text is the instruction for (`clip.mp4` for `clip.mp4.txt`); `undefined` for other names. */
export function mediaNameOf(name: string): string | undefined {
  return isText(name) && name.length > SIDECAR.length ? name.slice(0, -SIDECAR.length) : undefined;
}

/**
 * The instruction for `media` among `texts`: `clip.mp4.txt`, or else one whose name differs by case alone, unless it belongs to
 * a file of its own case.
 * @param isFile whether there is a file of exactly this name
 */
export function instructionFor(
  media: string,
  texts: readonly string[],
  isFile: (name: string) => boolean,
): string | undefined {
  const exact = sidecarNameOf(media);
  if (texts.includes(exact)) return exact;
  const alike = texts.filter(name => name.toLowerCase() === exact.toLowerCase()).sort();
  return alike.find(name => mediaNameOf(name) === media) ?? alike.find(name => !isFile(name.slice(0, -SIDECAR.length)));
}

function isText(name: string): boolean {
  return name.toLowerCase().endsWith(SIDECAR);
}

/**
 * The texts among these names that look like instructions but are not read, and the file each may be meant for: `clip.txt` for
 * `clip.mp4`, or a second one that differs by case alone.
 */
export function misnamedInstructions(names: readonly string[]): { name: string; media: string }[] {
  const texts = names.filter(isText);
  if (texts.length === 0) return [];
  const all = new Set(names);
  const isFile = (name: string) => all.has(name);
  const alike = new Map<string, string[]>();
  for (const name of texts) alike.set(name.toLowerCase(), [...(alike.get(name.toLowerCase()) ?? []), name]);
  const medias = new Map<string, string>();
  const read = new Set<string | undefined>();
  for (const media of names) {
    read.add(instructionFor(media, alike.get(sidecarNameOf(media).toLowerCase()) ?? [], isFile));
    if (!VIDEO_EXTENSIONS.has(extensionOf(media))) continue;
    const lower = media.toLowerCase();
    for (const meant of [lower, lower.slice(0, lower.lastIndexOf('.'))]) {
      if (!medias.has(meant + SIDECAR)) medias.set(meant + SIDECAR, media);
    }
  }
  return texts.flatMap(name => {
    const media = medias.get(name.toLowerCase());
    return media === undefined || read.has(name) ? [] : [{ name, media }];
  });
}

/** `link.url.txt` is a file in its own right, unless it is beside `link.url`. */
export function isLinkInText(name: string): boolean {
  return LINK_IN_TEXT.test(name);
}
