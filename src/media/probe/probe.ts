/**
 * Room media: what a media file is (probe/), whether it is complete (completeness/), and the ffmpeg that reads and writes it
 * (ffmpeg/). May import core, messages and platform.
 */
import { isShrinkError, ShrinkError } from '../../core/errors.ts';
import type { MediaFacts } from '../../core/media-info.ts';
import type { Sentence } from '../../core/message.ts';
import { say } from '../../messages/say.ts';
import { fileError } from '../../platform/files/file-error.ts';
import { CHUNK, type InputFile, type Readable, reading } from '../../platform/files/files.ts';
import type { PauseGate } from '../../platform/pause-gate.ts';
import { ChildEnd } from '../../platform/process/exit-status.ts';
import type { ChildLimits } from '../../platform/process/limits.ts';
import { type ChildRequest, type ChildResult, runChild } from '../../platform/process/run-child.ts';
import { MAX_PIXELS, quiet, untrustedInput, WITHOUT_LOOP_FILTER } from '../ffmpeg/args.ts';
import {
  cannotDecode,
  claimsTooMuch,
  copyProtected,
  displayName,
  headerMissing,
  MAX_FPS,
  noFrames,
  noVideo,
  onePicture,
  refuseByComplaints,
  refuseByLooks,
  refuseByProbe,
  tooManyFrames,
  tooManyPixels,
} from '../ffmpeg/input-errors.ts';
import type { Tools } from '../ffmpeg/tools.ts';
import { assembleFacts } from './media-info.ts';
import { maxPackets, type Packet, parsePacket, parsePacketObject, type Timeline, TimelineReader } from './packets.ts';
import { readSigns, type Signs } from './signs.ts';
import { type Looks, looksLike } from './sniff.ts';
import { mainVideo, pictures, type ProbeOutput, type ProbeStream } from './streams.ts';

export interface ProbeOptions {
  tools: Tools;
  signal?: AbortSignal;
  gate?: PauseGate;
  /** Looks for captions in every byte: for a result that must have them. */
  thorough?: boolean;
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
/** Packets of sound that the decoder may withhold, before its start and after its end. */
const UNHEARD = 2;

const TRACKS = ['-show_format', '-show_streams'];
const PACKETS = 'packet=stream_index,pts_time,dts_time,duration_time,size,flags';

/**
 * Facts about a media file: what ffprobe reports about its tracks, and timing counted from the packets of the whole file, as fast
 * as the disk reads and in constant memory.
 *
 * @throws ShrinkError `not-media`, `no-video`, `unsafe-media`, `incomplete-media`, and the codes of reading a file (`gone`, `denied`,
 * `unavailable`) or running a child (`cancelled`, `tool-missing`, ...)
 */
export async function probe(file: InputFile, options: ProbeOptions): Promise<MediaFacts> {
  const probed = await FileProbe.open(file, options);
  return await probed.facts(await probed.describeAtOnce());
}

/**
 * The same, with every frame of picture and sound decoded on the way, by one child instead of two. `undefined` if anything was out of
 * the ordinary (a word on stderr, a frame missing), and for large files, where starting another child costs nothing: then only
 * a separate decode can say what is wrong. Errors are those of `probe`.
 */
export async function probeDecoding(
  file: InputFile,
  options: DecodingOptions,
): Promise<{ facts: MediaFacts; decodedFrames: number } | undefined> {
  const probed = await FileProbe.open(file, options);
  const description = await probed.describeAtOnce(options);
  if (!description) return undefined;
  const { output, timelines } = description;
  const facts = await probed.facts(description);
  const decoded = (index: number) =>
    Number(output.streams?.find(stream => stream.index === index)?.nb_read_frames ?? 0);
  const isHeard = facts.audio.every(({ index }) => decoded(index) >= (timelines.get(index)?.packets ?? 0) - UNHEARD);
  const decodedFrames = decoded(facts.video.index);
  return isHeard && decodedFrames >= facts.video.frames ? { facts, decodedFrames } : undefined;
}

/** ffprobe's report about a file, and the timeline of every track of it that has packets. */
interface Description {
  output: ProbeOutput;
  timelines: Map<number, Timeline>;
}

type ProbeRequest = Pick<
  ChildRequest,
  'timeoutMs' | 'stallMs' | 'limits' | 'onStdoutLine' | 'onStderrLine' | 'maxLineChars'
>;

/** One file being probed. */
class FileProbe {
  readonly #file: InputFile;
  readonly #path: string;
  readonly #options: ProbeOptions;
  readonly #bytes: number;
  readonly #looks: Looks;
  readonly #signs: Signs;
  /** The name, fit for a sentence. */
  readonly #name: string;

  private constructor(file: InputFile, options: ProbeOptions, seen: { bytes: number; looks: Looks; signs: Signs }) {
    const { path } = file;
    this.#file = file;
    this.#path = path;
    this.#options = options;
    this.#bytes = seen.bytes;
    this.#looks = seen.looks;
    this.#signs = seen.signs;
    this.#name = displayName(path);
  }

  /** Refuses a file whose bytes show that it is not a video, or an encrypted one. */
  static async open(file: InputFile, options: ProbeOptions): Promise<FileProbe> {
    const { head, bytes } = await probing(file, headOf);
    const looks = looksLike(head, bytes);
    const refused = refuseByLooks(file.path, looks);
    if (refused) throw refused;
    const signs = await readSigns(file, bytes, options);
    if (signs.encryption !== undefined) throw copyProtected(file.path, signs.encryption);
    return new FileProbe(file, options, { bytes, looks, signs });
  }

  /** For a small file. `undefined` if anything is out of the ordinary: probing step by step then says what. */
  async describeAtOnce(decoding?: DecodingOptions): Promise<Description | undefined> {
    if (this.#bytes > SMALL_FILE) return undefined;
    const { threads = 'auto', limits, stallMs, onPacket } = decoding ?? {};
    const timelines = new TimelineReader();
    const lines: string[] = [];
    let isAmongPackets = false;
    const wanted = [
      ...(decoding ? ['-threads', String(threads), ...WITHOUT_LOOP_FILTER, '-count_frames'] : []),
      ...[...TRACKS, '-show_entries', `chapter=id:${PACKETS}`, '-of', 'json=compact=1'],
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

  /** Facts from the description or, without one, from probing step by step. */
  async facts(description: Description | undefined): Promise<MediaFacts> {
    const output = description?.output ?? (await this.#describeTracks());
    const streams = output.streams ?? [];
    const protection = protectionIn(output);
    if (protection !== undefined) throw copyProtected(this.#path, protection);
    const [first, ...more] = pictures(streams);
    if (!first)
      throw noVideo(
        this.#path,
        streams.some(stream => stream.codec_type === 'audio'),
      );
    // Reading through a long file takes minutes: not for one that is refused anyway.
    if (more.length === 0) this.#refuseByTrack(first);
    const lines = description?.timelines ?? (await this.#scanPackets());
    const main = mainVideo(streams, lines) ?? first;
    this.#refuseByTrack(main);
    const frames = lines.get(main.index)?.packets ?? 0;
    if (frames === 0) throw noFrames(this.#path);
    const facts = assembleFacts(
      { output, main, lines, signs: this.#signs },
      { decodable: this.#options.tools.decodable, bytes: this.#bytes },
    );
    if (frames === 1 || facts.durationS <= 0) throw onePicture(this.#path, longestSound(streams, lines));
    if (facts.video.fps > MAX_FPS) throw tooManyFrames(this.#path, facts.video.fps);
    return facts;
  }

  #add(packet: Packet | undefined, timelines: TimelineReader): void {
    timelines.add(packet);
    if (timelines.exceeds(this.#bytes)) throw claimsTooMuch(this.#path);
  }

  /** What opening a file of this size can need at most. */
  #cpuSeconds(): number {
    return Math.min(OPEN_LIMIT_MS / 1000, Math.ceil(OPEN_CPU_S + this.#bytes / BYTES_PER_CPU_S));
  }

  #refuseByTrack({ width = 0, height = 0, codec_name: codec = 'unknown', nb_frames: claimed }: ProbeStream): void {
    if (Number(claimed) > maxPackets(this.#bytes)) throw claimsTooMuch(this.#path);
    if (width * height > MAX_PIXELS) throw tooManyPixels(this.#path);
    if (!this.#options.tools.decodable.has(codec)) throw cannotDecode(this.#path, codec);
    // A codec it knows tells its size in the header of the stream.
    if (width === 0 || height === 0) throw headerMissing(this.#path, codec);
  }

  async #describeTracks(): Promise<ProbeOutput> {
    // Only whether there are chapters: sixty thousand of them with titles exceed the output limit.
    const wanted = [...TRACKS, '-show_entries', 'chapter=id', '-of', 'json'];
    try {
      const { stdout, stderrTail } = await this.#ffprobe(wanted, say('media.doing-probe', { file: this.#name }), {
        timeoutMs: OPEN_LIMIT_MS,
        limits: { addressSpaceBytes: PROBE_MEMORY, cpuSeconds: this.#cpuSeconds() },
      });
      if (stderrTail.includes('exceeds specified max pixel count')) throw tooManyPixels(this.#path);
      return JSON.parse(stdout) as ProbeOutput;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw await this.#refused(error);
      const message = say('media.not-described', { file: this.#name });
      throw new ShrinkError('not-media', message, { subject: this.#path, cause: error });
    }
  }

  async #scanPackets(): Promise<Map<number, Timeline>> {
    const timelines = new TimelineReader();
    const readS = this.#bytes / SLOWEST_READ;
    let complaint: ShrinkError | undefined;
    try {
      const wanted = ['-show_entries', PACKETS, '-of', 'csv=p=0'];
      await this.#ffprobe(wanted, say('media.doing-scan', { file: this.#name }), {
        timeoutMs: OPEN_LIMIT_MS + readS * 1000,
        stallMs: 2 * OPEN_LIMIT_MS,
        limits: { addressSpaceBytes: PROBE_MEMORY, cpuSeconds: this.#cpuSeconds() + readS },
        onStdoutLine: text => this.#add(parsePacket(text), timelines),
        onStderrLine: text => {
          complaint ??= refuseByComplaints(this.#path, text);
        },
      });
    } catch (error) {
      throw await this.#refused(error);
    }
    if (complaint) throw complaint;
    return timelines.result();
  }

  /** ffprobe reports "Input/output error" for damaged files as well: a disk is to blame only if we cannot read from it either. */
  async #refused(error: unknown): Promise<unknown> {
    const said = error instanceof ShrinkError && error.cause instanceof ChildEnd ? error.cause.stderrTail : '';
    if (said.includes('Input/output error')) await probing(this.#file, readThrough);
    return refuseByProbe(this.#path, error, this.#looks);
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

/** How ffprobe shows that a track is encrypted: the tags of ASF, and the key that WebM names. */
function protectionIn({ format, streams = [] }: ProbeOutput): string | undefined {
  const isAsf = Object.keys(format?.tags ?? {}).some(name => /^(asf_protection_type|encryption)$/i.test(name));
  if (isAsf) return 'Windows Media';
  return streams.some(stream => stream.tags?.['enc_key_id'] !== undefined) ? 'WebM' : undefined;
}

/** Seconds of the longest sound track. */
function longestSound(streams: readonly ProbeStream[], lines: ReadonlyMap<number, Timeline>): number {
  const sound = streams.filter(stream => stream.codec_type === 'audio').map(({ index }) => lines.get(index));
  return Math.max(0, ...sound.map(line => (line ? line.endS - line.startS : 0)));
}

async function probing<T>(file: InputFile, act: (opened: Readable) => Promise<T>): Promise<T> {
  try {
    return await reading(file, act);
  } catch (error) {
    throw fileError(error, say('media.doing-probe', { file: displayName(file.path) }), file.path);
  }
}

async function headOf(file: Readable): Promise<{ head: Buffer; bytes: number }> {
  const head = Buffer.alloc(512);
  const { bytesRead } = await file.read(head, 0, head.length, 0);
  return { head: head.subarray(0, bytesRead), bytes: Number((await file.stat()).size) };
}

async function readThrough(file: Readable): Promise<void> {
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (let done = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK, done);
    if (bytesRead === 0) return;
    done += bytesRead;
  }
}
