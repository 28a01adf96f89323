import { isShrinkError, ShrinkError } from '../../core/errors.ts';
import type { Sentence } from '../../core/message.ts';
import type { Trim } from '../../core/trim.ts';
import { say } from '../../messages/say.ts';
import { fileError } from '../../platform/files/file-error.ts';
import { CHUNK, type InputFile, type Readable, reading } from '../../platform/files/files.ts';
import type { PauseGate } from '../../platform/pause-gate.ts';
import { ChildEnd } from '../../platform/process/exit-status.ts';
import type { ChildLimits } from '../../platform/process/limits.ts';
import { type ChildArg, type ChildRequest, type ChildResult, runChild } from '../../platform/process/run-child.ts';
import { MAX_PIXELS, quiet, untrustedInput, WITHOUT_LOOP_FILTER } from '../ffmpeg/args.ts';
import { isCutUnnoticed } from '../completeness/index.ts';
import {
  claimsTooMuch,
  displayName,
  endMissing,
  refuseByComplaints,
  refuseByLooks,
  refuseByProbe,
  tooManyPixels,
} from '../ffmpeg/input-errors.ts';
import type { Tools } from '../ffmpeg/tools.ts';
import { type Fields, type Packet, parsePacket, parsePacketObject, type Timeline, TimelineReader } from './packets.ts';
import { canvasOf, HEAD_BYTES, type Looks, looksLike } from './sniff.ts';
import type { ProbeOutput } from './streams.ts';

export interface ProbeOptions {
  tools: Tools;
  signal?: AbortSignal;
  gate?: PauseGate;
  /** Looks for captions in every byte: for a result that must have them. */
  thorough?: boolean;
  /** Facts about this part alone, for which the file is read twice; about all of it if its clock jumps or the part is all. */
  trim?: Trim | undefined;
  /** It is a result of ours, whose picture keeps its shape: nothing is searched for another. */
  oneShape?: boolean;
}

export interface DecodingOptions extends ProbeOptions {
  /** Threads of the decoders; by default one per core. */
  threads?: number;
  limits: ChildLimits;
  stallMs: number;
  /** A packet of the track with this index was read. */
  onPacket?: (track: number) => void;
}

/** Enough for 8K; anything that needs more is refused. Virtual memory, which threads reserve in plenty without using it. */
const PROBE_MEMORY = 4 * 2 ** 30;
/** Reading through a film must not make another one stutter. */
const NICE = 10;
const OPEN_LIMIT_MS = 60_000;
/** Processor time for opening a file, seconds, and bytes for which it gets another; a slow disk costs none. */
const OPEN_CPU_S = 15;
const BYTES_PER_CPU_S = 1_000_000;
/** A network mount must deliver at least this many bytes a second, or the scan is abandoned. */
const SLOWEST_READ = 1_000_000;
/** A small file is described and read through by one ffprobe: starting another takes as long as reading it. */
const SMALL_FILE = 64_000_000;
/** Sixty thousand chapters are handled in another way. */
const MAX_DESCRIPTION_LINES = 20_000;
/** All tags of a track are one line, and a tag may hold a picture. */
const MAX_DESCRIPTION_CHARS = 8_000_000;

const OPENING_LIMITS = {
  timeoutMs: OPEN_LIMIT_MS,
  limits: { addressSpaceBytes: PROBE_MEMORY, cpuSeconds: OPEN_LIMIT_MS / 1000 },
};

const TRACKS = ['-show_format', '-show_streams'];
/** One line each, and no titles: sixty thousand of them exceed the output limit. */
const CHAPTERS = 'chapter=id,start_time,end_time';
const PACKETS = 'packet=stream_index,pts_time,dts_time,duration_time,size,flags';

/** ffprobe's report about a file, and the timeline of every track of it that has packets. */
export interface Description {
  output: ProbeOutput;
  timelines: Map<number, Timeline>;
}

type ProbeRequest = Pick<
  ChildRequest,
  'timeoutMs' | 'stallMs' | 'limits' | 'onStdoutLine' | 'onStderrLine' | 'maxLineChars'
>;

/** One file as ffprobe and ffmpeg read it: within limits, their refusals in words. */
export class ProbedFile {
  readonly path: string;
  readonly bytes: number;
  readonly #file: InputFile;
  readonly #options: ProbeOptions;
  readonly #looks: Looks;
  /** The name, fit for a sentence. */
  readonly #name: string;

  private constructor(file: InputFile, options: ProbeOptions, seen: { bytes: number; looks: Looks }) {
    this.path = file.path;
    this.bytes = seen.bytes;
    this.#file = file;
    this.#options = options;
    this.#looks = seen.looks;
    this.#name = displayName(file.path);
  }

  /** Refuses a file whose first bytes show that it is not a video. */
  static async open(file: InputFile, options: ProbeOptions): Promise<ProbedFile> {
    const { head, bytes } = await probing(file, headOf);
    const looks = looksLike(head, bytes);
    const refused = refuseByLooks(file.path, looks);
    if (refused) throw refused;
    const canvas = canvasOf(head);
    if (canvas && canvas.width * canvas.height > MAX_PIXELS) throw tooManyPixels(file.path, canvas);
    if (await probing(file, opened => isCut(opened, bytes))) throw endMissing(file.path);
    return new ProbedFile(file, options, { bytes, looks });
  }

  /** For a small file. `undefined` if anything is out of the ordinary: probing step by step then says what. */
  async describeAtOnce(decoding?: DecodingOptions): Promise<Description | undefined> {
    if (this.bytes > SMALL_FILE) return undefined;
    const { threads = 'auto', limits, stallMs, onPacket } = decoding ?? {};
    const timelines = new TimelineReader();
    const lines: string[] = [];
    let isAmongPackets = false;
    const wanted = [
      ...(decoding ? ['-threads', String(threads), ...WITHOUT_LOOP_FILTER, '-count_frames'] : []),
      ...[...TRACKS, '-show_entries', `${CHAPTERS}:${PACKETS}`, '-of', 'json=compact=1'],
    ];
    try {
      const { stderrTail } = await this.#ffprobe(wanted, say('media.doing-probe', { file: this.#name }), {
        timeoutMs: stallMs === undefined ? OPEN_LIMIT_MS : undefined,
        stallMs,
        maxLineChars: MAX_DESCRIPTION_CHARS,
        limits: limits ?? { addressSpaceBytes: PROBE_MEMORY, cpuSeconds: this.#cpuSeconds() },
        onStdoutLine: text => {
          if (text === '    "packets": [') isAmongPackets = true;
          else if (isAmongPackets && text === '    ],') isAmongPackets = false;
          else if (isAmongPackets) {
            const packet = parsePacketObject(text);
            this.#add(packet, timelines);
            if (packet) onPacket?.(packet.stream);
          } else if (lines.push(text) > MAX_DESCRIPTION_LINES) throw new Error('the description is too long');
        },
      });
      const found = timelines.result();
      if (stderrTail !== '' || found.size === 0) return undefined;
      return { output: JSON.parse(lines.join('\n')) as ProbeOutput, timelines: found };
    } catch (error) {
      if (isShrinkError(error, 'cancelled', 'unsafe-media')) throw error;
      return undefined;
    }
  }

  /** What ffprobe says of the tracks, chapters and tags. */
  async describeTracks(): Promise<ProbeOutput> {
    const wanted = [...TRACKS, '-show_entries', CHAPTERS, '-of', 'json=compact=1'];
    try {
      const { stdout, stderrTail } = await this.#ffprobe(wanted, say('media.doing-probe', { file: this.#name }), {
        timeoutMs: OPEN_LIMIT_MS,
        limits: { addressSpaceBytes: PROBE_MEMORY, cpuSeconds: this.#cpuSeconds() },
      });
      if (stderrTail.includes('exceeds specified max pixel count')) throw tooManyPixels(this.path);
      return JSON.parse(stdout) as ProbeOutput;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw await this.#refused(error);
      const message = say('media.not-described', { file: this.#name });
      throw new ShrinkError('not-media', message, { subject: this.path, cause: error });
    }
  }

  /** The timelines of all tracks, from every packet of the file. */
  async scanPackets(fields: ReadonlyMap<number, Fields>): Promise<Map<number, Timeline>> {
    const timelines = new TimelineReader(fields);
    await this.readPackets(packet => this.#add(packet, timelines));
    return timelines.result();
  }

  /** Reads through the whole file. */
  async readPackets(onPacket: (packet: Packet | undefined) => void): Promise<void> {
    let complaint: ShrinkError | undefined;
    try {
      const wanted = ['-show_entries', PACKETS, '-of', 'csv=p=0'];
      await this.#ffprobe(wanted, say('media.doing-scan', { file: this.#name }), {
        ...this.#readingLimits(),
        onStdoutLine: text => onPacket(parsePacket(text)),
        onStderrLine: text => {
          complaint ??= refuseByComplaints(this.path, text);
        },
      });
    } catch (error) {
      throw await this.#refused(error);
    }
    if (complaint) throw complaint;
  }

  /** Lines of ffprobe that decodes a part of the picture; `whole`: it reads all of the file for that. What cannot be decoded, shows nothing. */
  async showFrames(wanted: string[], onStdoutLine: (line: string) => void, { whole = false } = {}): Promise<void> {
    const doing = say('media.doing-probe', { file: this.#name });
    const limits = whole ? this.#readingLimits() : OPENING_LIMITS;
    await lenient(this.#ffprobe(wanted, doing, { ...limits, onStdoutLine }));
  }

  /** The same of ffmpeg. */
  async filterFrames(args: (file: InputFile) => ChildArg[], onStdoutLine: (line: string) => void): Promise<void> {
    const { tools, signal, gate } = this.#options;
    const doing = say('media.doing-probe', { file: this.#name });
    const command = {
      command: tools.ffmpeg,
      inputsBy: tools.inputsBy,
      args: args(this.#file),
      signal,
      gate,
      nice: NICE,
    };
    await lenient(runChild({ ...command, doing, ...OPENING_LIMITS, onStdoutLine }));
  }

  #add(packet: Packet | undefined, timelines: TimelineReader): void {
    timelines.add(packet);
    if (timelines.exceeds(this.bytes)) throw claimsTooMuch(this.path);
  }

  /** What opening a file of this size can need at most. */
  #cpuSeconds(): number {
    return Math.min(OPEN_LIMIT_MS / 1000, Math.ceil(OPEN_CPU_S + this.bytes / BYTES_PER_CPU_S));
  }

  /** For reading through the whole file. */
  #readingLimits() {
    const readS = this.bytes / SLOWEST_READ;
    return {
      timeoutMs: OPEN_LIMIT_MS + readS * 1000,
      stallMs: 2 * OPEN_LIMIT_MS,
      limits: { addressSpaceBytes: PROBE_MEMORY, cpuSeconds: this.#cpuSeconds() + readS },
    };
  }

  /** ffprobe reports "Input/output error" for damaged files as well: a disk is to blame only if we cannot read from it either. */
  async #refused(error: unknown): Promise<unknown> {
    const said = error instanceof ShrinkError && error.cause instanceof ChildEnd ? error.cause.stderrTail : '';
    if (said.includes('Input/output error')) await probing(this.#file, readThrough);
    return refuseByProbe(this.path, error, this.#looks);
  }

  #ffprobe(wanted: string[], doing: Sentence, request: ProbeRequest): Promise<ChildResult> {
    const { tools, signal, gate } = this.#options;
    const args = [...quiet(), ...wanted, ...untrustedInput(this.#file)];
    return runChild({
      ...{ ...request, doing, args, nice: NICE, signal, gate },
      command: tools.ffprobe,
      inputsBy: tools.inputsBy,
    });
  }
}

async function lenient(act: Promise<unknown>): Promise<void> {
  try {
    await act;
  } catch (error) {
    if (!isShrinkError(error, 'child-failed', 'child-killed', 'timed-out', 'out-of-memory')) throw error;
  }
}

async function probing<T>(file: InputFile, act: (opened: Readable) => Promise<T>): Promise<T> {
  try {
    return await reading(file, act);
  } catch (error) {
    throw fileError(error, say('media.doing-probe', { file: displayName(file.path) }), file.path);
  }
}

async function headOf(file: Readable): Promise<{ head: Buffer; bytes: number }> {
  const head = Buffer.alloc(HEAD_BYTES);
  const { bytesRead } = await file.read(head, 0, head.length, 0);
  return { head: head.subarray(0, bytesRead), bytes: Number((await file.stat()).size) };
}

function isCut(file: Readable, size: number): Promise<boolean> {
  const read = async (position: number, length: number) => {
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await file.read(buffer, 0, length, position);
    return buffer.subarray(0, bytesRead);
  };
  return isCutUnnoticed({ size, read });
}

async function readThrough(file: Readable): Promise<void> {
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (let done = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK, done);
    if (bytesRead === 0) return;
    done += bytesRead;
  }
}
