/**
 * Names of our own temporary files in outboxes: hidden, short, of fixed length (never derived from the final name, which
 * may have 255 bytes already), with an extension no media scanner looks at. One predicate for watching and sweeping.
 */
export function ownTempName(job: string): string {
  return `.shrinkbox-${job}.part`;
}

/** The job a temporary file of ours belongs to, or `undefined` for anybody else's file. */
export function jobOfTempName(name: string): string | undefined {
  return /^\.shrinkbox-([0-9a-z]+)\.part$/.exec(name)?.[1];
}

/** File name extensions of video containers, lower case; a file with another one is skipped with a reason. */
export const VIDEO_EXTENSIONS: ReadonlySet<string> = new Set([
  'mp4',
  'm4v',
  'mov',
  'qt',
  'mkv',
  'webm',
  'avi',
  'ts',
  'mts',
  'm2ts',
  'mpg',
  'mpeg',
  'vob',
  'wmv',
  'asf',
  'flv',
  'f4v',
  '3gp',
  '3g2',
  'ogv',
  'ogm',
  'mxf',
  'dv',
  'm2v',
  'divx',
]);

/** Lower-case extension without the dot; empty where there is none. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : '';
}

/** Whether `path` is `folder` or lies below it; both absolute and normalised, or both relative to the same folder. */
export function isWithin(folder: string, path: string): boolean {
  return folder === '/' || path === folder || path.startsWith(`${folder}/`);
}
