import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { fileError } from '../../platform/files/file-error.ts';
import { isShrinkError, ShrinkError } from '../../core/errors.ts';
import type { MediaFacts } from '../../core/media-info.ts';
import { say } from '../../messages/say.ts';
import { ChildEnd } from '../../platform/process/exit-status.ts';
import type { ChildLimits } from '../../platform/process/limits.ts';
import { type ChildRequest, runChild } from '../../platform/process/run-child.ts';
import { MAX_PIXELS, quiet, untrustedInput, WITHOUT_LOOP_FILTER } from '../ffmpeg/args.ts';
import { assembleFacts, mainVideo, type ProbeOutput, type ProbeStream } from './media-info.ts';
import {
  cannotDecode,
  MAX_FPS,
  noFrames,
  noVideo,
  onePicture,
  refuseByComplaints,
  refuseByLooks,
  refuseByProbe,
  displayName,
  sizeUnknown,
  tooManyFrames,
  tooManyPixels,
} from '../ffmpeg/input-errors.ts';
import { type Looks, looksLike } from './sniff.ts';
import { gatherTimeline, type Packet, parsePacket, parsePacketObject, type Timeline } from './packets.ts';
import type { Tools } from '../ffmpeg/tools.ts';
import type { PauseGate } from '../../platform/pause-gate.ts';

export interface ProbeOptions {
  tools: Tools;
  signal?: AbortSignal;
  gate?: PauseGate;
}

/** Enough for 8K; what asks for more is refused. Virtual memory, of which threads reserve a lot without using it. */
const PROBE_MEMORY = 4 * 2 ** 30;
/** Reading through a film must not make another one stutter. */
const NICE = 10;
const OPEN_LIMIT_MS = 60_000;
/** A network mount delivers at least this many bytes a second, or the scan is given up. */
const SLOWEST_READ = 1_000_000;

/**
 * Facts about a media file: what ffprobe says about its tracks, and timing counted from the packets of the whole file (about
 * 6 s for 100 GB of local disk cache, else as fast as the disk reads; constant memory).
 *
 * Throws a ShrinkError with a sentence for a person: `not-media`, `no-video`, `unsafe-media`, `incomplete-media`, and the codes of
 * reading a file (`gone`, `denied`, `unavailable`) or running a child (`cancelled`, `tool-missing`, ...).
 */
export async function probe(path: string, options: ProbeOptions): Promise<MediaFacts> {
  const seen = await lookAt(path);
  return await gatherFacts(
    path,
    seen,
    seen.bytes <= READ_AT_ONCE ? await askAtOnce(path, options) : undefined,
    options,
  );
}

export interface DecodingOptions extends ProbeOptions {
  /** Of the decoders; as many as there are cores unless given. */
  threads?: number;
  limits: ChildLimits;
  stallMs: number;
  /** A packet of the track with this index was read. */
  onPacket?: (track: number) => void;
}

/**
 * The same, and every frame of picture and sound decoded on the way, by one child instead of two: 0.34 instead of 0.52 CPU seconds for
 * 23 s of 480p. `undefined` wherever anything was not as it should be (a word on stderr, a frame missing), and for large files, where
 * starting another child costs nothing: then only decoding by itself can say what is wrong. Errors are those of `probe`.
 */
export async function probeDecoding(
  path: string,
  options: DecodingOptions,
): Promise<{ facts: MediaFacts; decodedFrames: number } | undefined> {
  const seen = await lookAt(path);
  const atOnce = seen.bytes <= READ_AT_ONCE ? await askAtOnce(path, options, options) : undefined;
  if (!atOnce) return undefined;
  const facts = await gatherFacts(path, seen, atOnce, options);
  const decoded = (index: number) =>
    Number(atOnce.output.streams?.find(stream => stream.index === index)?.nb_read_frames ?? 0);
  const heard = facts.audio.every(({ index }) => decoded(index) >= (atOnce.lines.get(index)?.packets ?? 0) - UNHEARD);
  const decodedFrames = decoded(facts.video.index);
  return heard && decodedFrames >= facts.video.frames ? { facts, decodedFrames } : undefined;
}

/** Of a sound track the decoder keeps back what lies before its start, and may keep back what lies behind its end. */
const UNHEARD = 2;
interface Seen {
  bytes: number;
  looks: Looks;
}

async function lookAt(path: string): Promise<Seen> {
  const { head, bytes } = await readHead(path);
  const looks = looksLike(head, bytes);
  const refused = refuseByLooks(path, looks);
  if (refused) throw refused;
  return { bytes, looks };
}

interface AtOnce {
  output: ProbeOutput;
  lines: Map<number, Timeline>;
}

async function gatherFacts(
  path: string,
  { bytes, looks }: Seen,
  atOnce: AtOnce | undefined,
  options: ProbeOptions,
): Promise<MediaFacts> {
  const output = atOnce?.output ?? (await askAboutTracks(path, looks, options));
  const streams = output.streams ?? [];
  const main = mainVideo(streams);
  if (!main)
    throw noVideo(
      path,
      streams.some(stream => stream.codec_type === 'audio'),
    );
  refuseByTrack(path, main, options.tools);
  const lines = atOnce?.lines ?? (await scanPackets(path, bytes, looks, options));
  const frames = lines.get(main.index)?.packets ?? 0;
  if (frames === 0) {
    throw noFrames(path);
  }
  const facts = assembleFacts(output, main, lines, bytes);
  if (frames === 1 || facts.durationS <= 0) throw onePicture(path);
  if (facts.video.fps > MAX_FPS) throw tooManyFrames(path, facts.video.fps);
  return facts;
}

async function readHead(path: string): Promise<{ head: Buffer; bytes: number }> {
  try {
    const file = await open(path, 'r');
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(512), 0, 512, 0);
      return { head: buffer.subarray(0, bytesRead), bytes: (await file.stat()).size };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fileError(error, say('media.doing-probe', { file: displayName(path) }), path);
  }
}

async function askAboutTracks(path: string, looks: Looks, options: ProbeOptions): Promise<ProbeOutput> {
  // Of the chapters only that they are there: sixty thousand of them with titles are more than is read.
  const wanted = [...ABOUT_TRACKS, '-show_entries', 'chapter=id', '-of', 'json'];
  try {
    const { stdout, stderrTail } = await ffprobe(path, wanted, {
      ...options,
      doing: say('media.doing-probe', { file: displayName(path) }),
      timeoutMs: OPEN_LIMIT_MS,
      limits: { addressSpaceBytes: PROBE_MEMORY, cpuSeconds: OPEN_LIMIT_MS / 1000 },
    });
    if (stderrTail.includes('exceeds specified max pixel count')) throw tooManyPixels(path);
    return JSON.parse(stdout) as ProbeOutput;
  } catch (error) {
    if (error instanceof SyntaxError) {
      const message = say('media.not-described', { file: displayName(path) });
      throw new ShrinkError('not-media', message, { subject: path, cause: error });
    }
    throw await refused(path, error, looks);
  }
}

/** ffprobe says "Input/output error" of damaged files as well: a disk is to blame only where we cannot read from it either. */
async function refused(path: string, error: unknown, looks: Looks): Promise<unknown> {
  const said = error instanceof ShrinkError && error.cause instanceof ChildEnd ? error.cause.stderrTail : '';
  if (said.includes('Input/output error')) await readThrough(path);
  return refuseByProbe(path, error, looks);
}

async function readThrough(path: string): Promise<void> {
  try {
    for await (const _ of createReadStream(path, { highWaterMark: 1 << 20 }));
  } catch (error) {
    throw fileError(error, say('media.doing-probe', { file: displayName(path) }), path);
  }
}

function refuseByTrack(path: string, main: ProbeStream, tools: Tools): void {
  const { width = 0, height = 0, codec_name: codec = 'unknown' } = main;
  if (width * height > MAX_PIXELS) throw tooManyPixels(path);
  if (!tools.decodable.has(codec)) throw cannotDecode(path, codec);
  if (width === 0 || height === 0) throw sizeUnknown(path, codec);
}

const ABOUT_TRACKS = ['-show_format', '-show_streams'];
const PACKET = 'packet=stream_index,pts_time,dts_time,duration_time,size,flags';

/** A small file is described and read through by one ffprobe: starting another takes as long as reading it. */
const READ_AT_ONCE = 64_000_000;

/** `undefined` wherever anything is out of the ordinary: then it is asked step by step, which knows what to say. */
async function askAtOnce(path: string, options: ProbeOptions, decoding?: DecodingOptions): Promise<AtOnce | undefined> {
  const { threads = 'auto', limits, stallMs, onPacket } = decoding ?? {};
  const wanted = [
    ...(decoding ? ['-threads', String(threads), ...WITHOUT_LOOP_FILTER, '-count_frames'] : []),
    ...[...ABOUT_TRACKS, '-show_entries', `chapter=id:${PACKET}`, '-of', 'json=compact=1'],
  ];
  const tracks = gatherTracks();
  const other: string[] = [];
  let among = false;
  try {
    const { stderrTail } = await ffprobe(path, wanted, {
      ...options,
      doing: say('media.doing-probe', { file: displayName(path) }),
      timeoutMs: stallMs === undefined ? OPEN_LIMIT_MS : undefined,
      stallMs,
      limits: limits ?? { addressSpaceBytes: PROBE_MEMORY, cpuSeconds: OPEN_LIMIT_MS / 1000 },
      onStdoutLine: text => {
        if (text === '    "packets": [') among = true;
        else if (among && text === '    ],') among = false;
        else if (among) {
          const packet = parsePacketObject(text);
          tracks.add(packet);
          if (packet) onPacket?.(packet.stream);
        } else if (other.push(text) > MAX_OTHER_LINES) throw new Error('too much to say');
      },
    });
    const lines = tracks.result();
    if (stderrTail !== '' || lines.size === 0) return undefined;
    return { output: JSON.parse(other.join('\n')) as ProbeOutput, lines };
  } catch (error) {
    if (isShrinkError(error, 'cancelled')) throw error;
    return undefined;
  }
}

/** Sixty thousand chapters are asked about in another way. */
const MAX_OTHER_LINES = 20_000;

function gatherTracks() {
  const gathering = new Map<number, ReturnType<typeof gatherTimeline>>();
  return {
    add(packet: Packet | undefined): void {
      if (!packet) return;
      let line = gathering.get(packet.stream);
      if (!line) gathering.set(packet.stream, (line = gatherTimeline()));
      line.add(packet);
    },
    result: () => new Map([...gathering].map(([index, line]) => [index, line.result()])),
  };
}

/** One timeline per track that has packets. */
async function scanPackets(
  path: string,
  bytes: number,
  looks: Looks,
  options: ProbeOptions,
): Promise<Map<number, Timeline>> {
  const tracks = gatherTracks();
  const wanted = ['-show_entries', PACKET, '-of', 'csv=p=0'];
  const complaints: ShrinkError[] = [];
  try {
    await ffprobe(path, wanted, {
      ...options,
      doing: say('media.doing-scan', { file: displayName(path) }),
      timeoutMs: OPEN_LIMIT_MS + (bytes / SLOWEST_READ) * 1000,
      stallMs: 2 * OPEN_LIMIT_MS,
      limits: { addressSpaceBytes: PROBE_MEMORY, cpuSeconds: OPEN_LIMIT_MS / 1000 + bytes / SLOWEST_READ },
      onStdoutLine: text => tracks.add(parsePacket(text)),
      onStderrLine: text => {
        const complaint = complaints.length === 0 && refuseByComplaints(path, text);
        if (complaint) complaints.push(complaint);
      },
    });
  } catch (error) {
    throw await refused(path, error, looks);
  }
  if (complaints[0]) throw complaints[0];
  return tracks.result();
}

type ProbeRequest = ProbeOptions &
  Pick<ChildRequest, 'doing' | 'timeoutMs' | 'stallMs' | 'limits' | 'onStdoutLine' | 'onStderrLine'>;

function ffprobe(path: string, wanted: string[], { tools, ...request }: ProbeRequest) {
  const args = [...quiet(), ...wanted, ...untrustedInput(path)];
  return runChild({ ...request, command: tools.ffprobe, args, nice: NICE });
}
