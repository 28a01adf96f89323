import { open } from 'node:fs/promises';
import { ShrinkError } from '../../core/errors.ts';
import type { Sentence } from '../../core/message.ts';
import { say } from '../../messages/say.ts';
import { findProgram } from '../../platform/process/limits.ts';
import { ChildEnd } from '../../platform/process/exit-status.ts';
import { driverEnvironment, type InputsBy, runChild } from '../../platform/process/run-child.ts';
import { type Abilities, AbilityCache } from './ability-cache.ts';
import { findHardware, type Hardware, worksFinding } from './hardware.ts';
import type { HardwareKind } from './hardware-args.ts';

/** The ffmpeg and ffprobe found, and what they can do. Decisions depend on abilities, never on the version. */
export interface Tools extends Abilities {
  ffmpeg: string;
  ffprobe: string;
  /** How they open the files we hold open. */
  inputsBy: InputsBy;
  /** What was asked for by `local.hardware`, tried; absent where it is off. */
  hardware?: Hardware;
}

export interface ToolOptions {
  /** From the config; if absent, found on PATH. */
  ffmpeg?: string;
  ffprobe?: string;
  /** PATH to search; ours by default. */
  path?: string;
  /** Where their answers are cached; without it they are asked every time. */
  cacheDir?: string;
  /** The hardware encoders to try, and on which device. Default: none. */
  hardware?: HardwareKind | 'auto' | 'off';
  device?: string | undefined;
  signal?: AbortSignal;
}

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
 * Finds ffmpeg and ffprobe and asks them what they can do (over a second of processor time; cached in `cacheDir` as long as the
 * programs stay the same).
 * @throws ShrinkError `tool-missing`, with the install command per system, if one is missing, does not start, or lacks a required
 * ability
 */
export async function findTools(requested: ToolOptions = {}): Promise<Tools> {
  const { path, cacheDir, signal } = requested;
  const ffmpeg = await locate(requested.ffmpeg ?? 'ffmpeg', path);
  const ffprobe = await locate(requested.ffprobe ?? besides(requested.ffmpeg) ?? 'ffprobe', path);
  const cache = cacheDir === undefined ? undefined : new AbilityCache(cacheDir, [ffmpeg, ffprobe]);
  const before = await cache?.read();
  const abilities = before ?? (await askAbilities(ffmpeg, ffprobe, signal));
  const what = whatIsLacking(abilities);
  if (what) throw missing(say('media.ffmpeg-lacks', { program: ffmpeg, version: abilities.version, what }));
  if (!before) await cache?.write(abilities);
  // What is kept is of programs, and only a wrapper keeps descriptors back.
  const inputsBy = before ? 'descriptor' : await howInputsReach([ffmpeg, ffprobe], signal);
  const hardware = await hardwareOf(requested, { ffmpeg, encoders: abilities.encoders }, cache);
  return { ffmpeg, ffprobe, ...abilities, inputsBy, ...(hardware && { hardware }) };
}

/** What worked is kept with the other answers. What did not is tried again: a group or a driver may have been added. */
async function hardwareOf(
  { hardware = 'off', device, signal }: ToolOptions,
  { ffmpeg, encoders }: Pick<Tools, 'ffmpeg' | 'encoders'>,
  cache: AbilityCache | undefined,
): Promise<Hardware | undefined> {
  if (hardware === 'off') return undefined;
  const of = JSON.stringify([hardware, device ?? '', driverEnvironment()]);
  const before = await cache?.readHardware(of);
  if (before) return { encoders: before, findings: before.map(worksFinding) };
  const found = await findHardware({ ffmpeg, encoders, hardware, device, signal });
  if (found.encoders.length > 0) await cache?.writeHardware(of, found.encoders);
  return found;
}

/** @throws ShrinkError `tool-missing` if a program reaches our files in neither way. */
async function howInputsReach(programs: readonly string[], signal: AbortSignal | undefined): Promise<InputsBy> {
  if (process.platform !== 'linux') return 'descriptor';
  for (const inputsBy of ['descriptor', 'proc'] as const) {
    const answers = await Promise.all(programs.map(program => reachesInput(program, inputsBy, signal)));
    if (answers.every(Boolean)) return inputsBy;
  }
  throw missing(say('media.keeps-descriptors', { programs: programs.join(', ') }));
}

/** Whether the program opens a file of ours: it is no video, and that is what it has to complain about. */
async function reachesInput(program: string, inputsBy: InputsBy, signal: AbortSignal | undefined): Promise<boolean> {
  const itself = await open(program);
  try {
    const file = { path: program, fd: itself.fd };
    const doing = say('media.doing-ask', { program });
    const args = ['-hide_banner', '-v', 'error', '-i', { prefix: 'file:', file }];
    await runChild({ command: program, args, doing, inputsBy, timeoutMs: 60_000, signal });
    return true;
  } catch (error) {
    if (error instanceof ShrinkError && error.code === 'cancelled') throw error;
    const said = error instanceof ShrinkError && error.cause instanceof ChildEnd ? error.cause.stderrTail : '';
    return !/no such file|bad file descriptor|permission denied/i.test(said);
  } finally {
    await itself.close();
  }
}

async function askAbilities(ffmpeg: string, ffprobe: string, signal: AbortSignal | undefined): Promise<Abilities> {
  const ask = (args: string[]) => listing(ffmpeg, args, signal);
  const [version, encoders, decodable, filters, demuxers, options] = await Promise.all([
    ask(['-version']).then(parseVersion),
    ask(['-encoders']).then(parseEncoders),
    ask(['-codecs']).then(parseDecodable),
    ask(['-filters']).then(parseFilters),
    ask(['-demuxers']).then(parseDemuxers),
    ask(['-h', 'full']).then(parseOptions),
    listing(ffprobe, ['-version'], signal),
  ]);
  const svtAv1 = encoders.has('libsvtav1') ? await askSvtAv1(ffmpeg, signal) : undefined;
  return { version, encoders, decodable, filters, demuxers, options, svtAv1 };
}

/** Why these tools are insufficient, as the end of a sentence; `undefined` if they suffice. Pure. */
export function whatIsLacking(tools: Pick<Tools, 'encoders' | 'demuxers' | 'options'>): Sentence | undefined {
  if (!tools.encoders.has('libx264')) return say('media.lacks-h264');
  if (!tools.encoders.has('aac')) return say('media.lacks-aac');
  if (!tools.demuxers.has('mov')) return say('media.lacks-mp4');
  const option = ['format_whitelist', 'protocol_whitelist', 'max_pixels'].find(one => !tools.options.has(one));
  return option === undefined ? undefined : say('media.lacks-option', { option });
}

/** Older ones are slower and worse, and their quality scale was never measured. */
const MIN_SVT_AV1_MAJOR = 2;

/** Why this ffmpeg cannot write a codec, as a part of a sentence; `undefined` if it can. */
export function cannotWrite(
  codec: 'h264' | 'h265' | 'av1',
  { encoders, version, svtAv1 = '' }: Pick<Tools, 'encoders' | 'version' | 'svtAv1'>,
): Sentence | undefined {
  const encoder = { h264: 'libx264', h265: 'libx265', av1: 'libsvtav1' }[codec];
  if (!encoders.has(encoder)) return say('media.lacks-encoder', { version, encoder });
  if (codec !== 'av1' || Number.parseInt(svtAv1, 10) >= MIN_SVT_AV1_MAJOR) return undefined;
  return say('media.old-svt-av1', { version, svtAv1, least: MIN_SVT_AV1_MAJOR });
}

/** A configured ffmpeg comes with its own ffprobe, unless another one is configured. */
function besides(ffmpeg: string | undefined): string | undefined {
  return ffmpeg?.includes('/') ? ffmpeg.replace(/ffmpeg([^/]*)$/, 'ffprobe$1') : undefined;
}

async function locate(program: string, path: string | undefined): Promise<string> {
  const found = await findProgram(program, path);
  if (!found) throw missing(say('media.program-not-found', { program }));
  return found;
}

async function listing(program: string, args: string[], signal: AbortSignal | undefined): Promise<string> {
  try {
    const { stdout } = await runChild({
      command: program,
      args: ['-hide_banner', ...args],
      doing: say('media.doing-ask', { program }),
      timeoutMs: 60_000,
      signal,
    });
    return stdout;
  } catch (error) {
    if (!(error instanceof ShrinkError) || error.code === 'cancelled') throw error;
    throw missing(say('media.program-broken', { program, why: error.message }), error);
  }
}

/** No listing contains a library's version: it prints it itself when it encodes a frame. */
async function askSvtAv1(ffmpeg: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  const picture = ['-f', 'lavfi', '-i', 'color=size=64x64:rate=25', '-frames:v', '1'];
  try {
    const { stderrTail } = await runChild({
      command: ffmpeg,
      args: ['-hide_banner', '-nostdin', '-v', 'error', ...picture, '-c:v', 'libsvtav1', '-f', 'null', '-'],
      doing: say('media.doing-ask-svt-av1'),
      timeoutMs: 60_000,
      signal,
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

function missing(message: Sentence, cause?: unknown): ShrinkError {
  const doing = say('media.doing-find-ffmpeg');
  return new ShrinkError('tool-missing', message, { doing, hint: say('media.install-hint'), cause });
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
  const lists = names(text, /^ D[ E][ d]? (\S+) /);
  return new Set([...lists].flatMap(list => list.split(',')));
}

export function parseOptions(text: string): Set<string> {
  // The help has fifteen thousand lines: one search instead of one per line.
  const watched = new RegExp(`^ *-(${WATCHED_OPTIONS.join('|')})\\b`, 'gm');
  const found = [...text.matchAll(watched)].flatMap(([, option]) => option ?? []);
  // Of all that is called `duration`, the one of the filter `setts`, which is younger than it.
  return new Set(text.includes('set expression for packet duration') ? [...found, 'setts_duration'] : found);
}

function names(text: string, pattern: RegExp): Set<string> {
  const found = new Set<string>();
  for (const line of text.split('\n')) {
    const name = pattern.exec(line)?.[1];
    if (name && name !== '=') found.add(name);
  }
  return found;
}
