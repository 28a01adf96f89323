import { ShrinkError } from '../../core/errors.ts';
import { findProgram } from '../../platform/process/limits.ts';
import { runChild } from '../../platform/process/run-child.ts';

/** The ffmpeg and ffprobe found, and what they can do. Decisions look at abilities, never at the version. */
export interface Tools {
  ffmpeg: string;
  ffprobe: string;
  /** As ffmpeg says it: `5.1.9-0+deb12u1`. */
  version: string;
  encoders: ReadonlySet<string>;
  /** Version of the SVT-AV1 behind `libsvtav1`, as it introduces itself: `2.3.0`. */
  svtAv1?: string;
  /** Codecs it can decode, by codec name (`h264`, `aac`), whatever its decoder is called. */
  decodable: ReadonlySet<string>;
  filters: ReadonlySet<string>;
  /** Demuxer names, each of a comma list by itself: `mov`, `mp4`, `matroska`. */
  demuxers: ReadonlySet<string>;
  /** Options without the dash, of the ones that came or went over the years: `fps_mode`, `chunk_duration`. */
  options: ReadonlySet<string>;
}

export interface ToolOptions {
  /** From the config; found on PATH where absent. */
  ffmpeg?: string | undefined;
  ffprobe?: string | undefined;
  /** PATH to search, ours unless given. */
  path?: string | undefined;
  signal?: AbortSignal;
}

/** The install commands of the README's quick start, in one line. */
const INSTALL_HINT =
  'Install it: Debian/Ubuntu `sudo apt install ffmpeg`, Fedora `sudo dnf install ffmpeg --allowerasing` (from RPM Fusion), ' +
  'macOS `brew install ffmpeg`, Alpine `apk add ffmpeg`; elsewhere see ffmpeg.org/download, or set local.ffmpeg and local.ffprobe.';

const WATCHED_OPTIONS = [
  'fps_mode',
  'vsync',
  'chunk_duration',
  'max_pixels',
  'format_whitelist',
  'protocol_whitelist',
  'stats_period',
];

/**
 * Finds ffmpeg and ffprobe and asks them what they can do (about 0.3 s). ShrinkError `tool-missing` (exit 13), with the install
 * command per system, where one is missing, does not start, or cannot do the least that is needed.
 */
export async function findTools(requested: ToolOptions = {}): Promise<Tools> {
  const [ffmpeg, ffprobe] = await Promise.all([
    locate(requested.ffmpeg ?? 'ffmpeg', requested.path),
    locate(requested.ffprobe ?? besides(requested.ffmpeg) ?? 'ffprobe', requested.path),
  ]);
  const ask = (args: string[]) => listing(ffmpeg, args, requested.signal);
  const [version, encoders, decodable, filters, demuxers, options] = await Promise.all([
    ask(['-version']).then(parseVersion),
    ask(['-encoders']).then(parseEncoders),
    ask(['-codecs']).then(parseDecodable),
    ask(['-filters']).then(parseFilters),
    ask(['-demuxers']).then(parseDemuxers),
    ask(['-h', 'full']).then(parseOptions),
    listing(ffprobe, ['-version'], requested.signal),
  ]);
  const tools: Tools = { ffmpeg, ffprobe, version, encoders, decodable, filters, demuxers, options };
  const svtAv1 = encoders.has('libsvtav1') ? await askSvtAv1(ffmpeg, requested.signal) : undefined;
  if (svtAv1 !== undefined) tools.svtAv1 = svtAv1;
  const lacking = whatIsLacking(tools);
  if (lacking) throw missing(`${ffmpeg} (${version}) ${lacking}`);
  return tools;
}

/** Why these tools cannot be worked with, as the end of a sentence; `undefined` where they can. Pure. */
export function whatIsLacking(tools: Omit<Tools, 'ffmpeg' | 'ffprobe' | 'version'>): string | undefined {
  if (!tools.encoders.has('libx264'))
    return 'cannot write H.264: it was built without libx264 (as Fedora’s ffmpeg-free is)';
  if (!tools.encoders.has('aac')) return 'cannot write AAC sound';
  if (!tools.demuxers.has('mov')) return 'cannot read MP4';
  for (const option of ['format_whitelist', 'protocol_whitelist', 'max_pixels']) {
    if (!tools.options.has(option)) return `is too old: it lacks -${option}; 4.4 or newer is needed`;
  }
  return undefined;
}

/** Older ones are slower and worse, and have no quality scale that could be relied on: nothing of theirs was measured. */
const MIN_SVT_AV1_MAJOR = 2;

/** Why this ffmpeg cannot write a codec, as a part of a sentence; `undefined` where it can. */
export function cannotWrite(
  codec: 'h264' | 'h265' | 'av1',
  tools: Pick<Tools, 'encoders' | 'version' | 'svtAv1'>,
): string | undefined {
  const encoder = { h264: 'libx264', h265: 'libx265', av1: 'libsvtav1' }[codec];
  if (!tools.encoders.has(encoder)) return `this ffmpeg (${tools.version}) was built without ${encoder}`;
  if (codec !== 'av1' || Number.parseInt(tools.svtAv1 ?? '', 10) >= MIN_SVT_AV1_MAJOR) return undefined;
  return `this ffmpeg (${tools.version}) has SVT-AV1 ${tools.svtAv1 ?? 'of an unknown version'}, and ${MIN_SVT_AV1_MAJOR}.0 is the least`;
}

/** A configured ffmpeg brings its own ffprobe, unless told otherwise. */
function besides(ffmpeg: string | undefined): string | undefined {
  return ffmpeg?.includes('/') ? ffmpeg.replace(/ffmpeg([^/]*)$/, 'ffprobe$1') : undefined;
}

async function locate(command: string, path: string | undefined): Promise<string> {
  const found = await findProgram(command, path);
  if (!found) throw missing(`${command} was not found`);
  return found;
}

async function listing(program: string, args: string[], signal: AbortSignal | undefined): Promise<string> {
  try {
    const result = await runChild({
      command: program,
      args: ['-hide_banner', ...args],
      doing: `asking ${program} what it can do`,
      timeoutMs: 60_000,
      ...(signal ? { signal } : {}),
    });
    return result.stdout;
  } catch (error) {
    if (!(error instanceof ShrinkError) || error.code === 'cancelled') throw error;
    throw missing(`${program} does not work: ${error.message}`, error);
  }
}

/** No listing names the version of a library: it says so itself when it encodes a frame. */
async function askSvtAv1(ffmpeg: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  const frame = [
    '-f',
    'lavfi',
    '-i',
    'color=size=64x64:rate=25',
    '-frames:v',
    '1',
    '-c:v',
    'libsvtav1',
    '-f',
    'null',
    '-',
  ];
  try {
    const { stderrTail } = await runChild({
      command: ffmpeg,
      args: ['-hide_banner', '-nostdin', '-v', 'error', ...frame],
      doing: 'asking for the version of SVT-AV1',
      timeoutMs: 60_000,
      ...(signal ? { signal } : {}),
    });
    return parseSvtVersion(stderrTail);
  } catch (error) {
    if (error instanceof ShrinkError && error.code === 'cancelled') throw error;
    return undefined;
  }
}

/** `Svt[info]: SVT [version]:	SVT-AV1 Encoder Lib v2.3.0` */
export function parseSvtVersion(text: string): string | undefined {
  return /SVT-AV1 Encoder Lib v?(\d+\.\d+[\w.-]*)/.exec(text)?.[1];
}

function missing(what: string, cause?: unknown): ShrinkError {
  return new ShrinkError('tool-missing', what, { doing: 'looking for ffmpeg', hint: INSTALL_HINT, cause });
}

/** `ffmpeg version 5.1.9-0+deb12u1 Copyright ...` */
export function parseVersion(text: string): string {
  return /^ff\w+ version (\S+)/.exec(text)?.[1] ?? 'unknown version';
}

/** ` V....D libx264              libx264 H.264 / AVC ...`, after a legend that ends with dashes. */
export function parseEncoders(text: string): Set<string> {
  return names(text, /^ [VAS][A-Z.]{5} (\S+)/);
}

/** ` DEV.LS h264                 H.264 / AVC ... (decoders: h264 h264_v4l2m2m )` */
export function parseDecodable(text: string): Set<string> {
  return names(text, /^ D[E.][A-Z][A-Z.]{3} (\S+)/);
}

/** ` ..C bwdif             V->V       Deinterlace the input image.` */
export function parseFilters(text: string): Set<string> {
  return names(text, /^ [A-Z.]{2,3} (\S+) +\S+->\S+/);
}

/** ` D  mov,mp4,m4a,3gp,3g2,mj2 QuickTime / MOV`; ffmpeg 7 adds a column for devices. */
export function parseDemuxers(text: string): Set<string> {
  const lists = names(text, /^ D[ dE]{1,3} ?(\S+) /);
  return new Set([...lists].flatMap(list => list.split(',')));
}

export function parseOptions(text: string): Set<string> {
  // Fifteen thousand lines of help: looking at each took as long as starting three programs.
  const watched = new RegExp(`^ *-(${WATCHED_OPTIONS.join('|')})\\b`, 'gm');
  return new Set([...text.matchAll(watched)].flatMap(([, option]) => option ?? []));
}

function names(text: string, pattern: RegExp): Set<string> {
  const found = new Set<string>();
  for (const line of text.split('\n')) {
    const name = pattern.exec(line)?.[1];
    if (name && name !== '=') found.add(name);
  }
  return found;
}
