import { extensionOf, VIDEO_EXTENSIONS } from '../core/file-names.ts';
import { collisionKey, stemOf } from '../deliver/safe-names.ts';

/** The name of the result of a file: its own with the extension of an MP4. */
export function resultNameOf(name: string): string {
  return extensionOf(name) === 'mp4' ? name : `${stemOf(name)}.mp4`;
}

/** An original between the moment its result took its place and the one in which nobody needs it there any more. */
export function setAsideName(job: string): string {
  return `.shrinkbox-${job}.original`;
}

/** The job that a set-aside original belongs to, or `undefined` for any other file. */
export function jobOfSetAsideName(name: string): string | undefined {
  return /^\.shrinkbox-([0-9a-z]+)\.original$/.exec(name)?.[1];
}

/**
 * The names beside a file that keep its result from being put there: one that has the result's name, or another film that would
 * want it too. A file that keeps its name is in nobody's way.
 */
export function rivalsOf(name: string, beside: readonly string[]): string[] {
  const result = resultNameOf(name);
  if (result === name) return [];
  const key = collisionKey(result);
  const wants = (other: string) =>
    collisionKey(other) === key || (isVideo(other) && collisionKey(resultNameOf(other)) === key);
  return beside.filter(other => other !== name && wants(other));
}

function isVideo(name: string): boolean {
  return VIDEO_EXTENSIONS.has(extensionOf(name));
}

/** Files beside it that are named after the whole name, extension included (`clip.mov.xmp`), which the result no longer has. */
export function orphansOf(name: string, beside: readonly string[]): string[] {
  if (resultNameOf(name) === name) return [];
  return beside.filter(other => other.length > name.length + 1 && other.startsWith(`${name}.`));
}
