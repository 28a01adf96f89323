/**
 * Names of our own temporary files in outboxes: hidden, short and of fixed length (never derived from the final name, which
 * may already have 255 bytes), with an extension that media scanners ignore. Watching and sweeping use the same predicate.
 */
export function ownTempName(job: string): string {
  return `.shrinkbox-${job}.part`;
}

/** The job that one of our temporary files belongs to, or `undefined` for any other file. */
export function jobOfTempName(name: string): string | undefined {
  return /^\.shrinkbox-([0-9a-z]+)\.part$/.exec(name)?.[1];
}

/** File name extensions of video containers, lower case; files with any other extension are skipped with a reason. */
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
  'wtv',
  'rm',
  'rmvb',
  'm2t',
  'm1v',
  'mj2',
  'nut',
  'y4m',
  'ivf',
  'gif',
  'apng',
]);

/** Of pictures that follow one another without a container, and so without times. */
export const RAW_EXTENSIONS: ReadonlySet<string> = new Set([
  ...['h264', '264', 'avc', 'h265', '265', 'hevc', 'h266', '266', 'mjpeg', 'mjpg', 'vc1', 'obu', 'yuv'],
]);

/** Lower-case extension without the dot; empty if there is none. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 ? name.slice(dot + 1).toLowerCase() : '';
}

/** Whether `path` is `folder` or lies below it; both absolute and normalised, or both relative to the same folder. */
export function isWithin(folder: string, path: string): boolean {
  return folder === '/' || path === folder || path.startsWith(`${folder}/`);
}
