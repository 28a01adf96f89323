/**
 * Room media: what a media file is (probe/), whether it is complete (completeness/), and the ffmpeg that reads and writes it
 * (ffmpeg/). May import core, messages and platform.
 */
import type { MediaFacts, Window } from '../../core/media-info.ts';
import { partOf } from '../../core/trim.ts';
import { type InputFile, reading } from '../../platform/files/files.ts';
import { nextFilmIn } from '../completeness/next-film.ts';
import { MAX_PIXELS } from '../ffmpeg/args.ts';
import {
  cannotDecode,
  claimsTooMuch,
  copyProtected,
  headerMissing,
  MAX_FPS,
  noFrames,
  nothingInPart,
  noVideo,
  onePicture,
  partIsOnePicture,
  partUntimed,
  severalFilms,
  tooManyFrames,
  tooManyPixels,
  untimed,
} from '../ffmpeg/input-errors.ts';
import {
  alphaArgs,
  countDetected,
  detectArgs,
  detectedLook,
  laterLook,
  type Look,
  lookByContainer,
  mayHoldFields,
  mustDetectFields,
  mustSeeAlpha,
  mustSeeFrames,
  type Opening,
  OPENING_ENTRIES,
  OPENING_PACKETS,
  openingLook,
  showsAlpha,
} from './look.ts';
import { assembleFacts } from './media-info.ts';
import { endByGaps, endByHeaders, type Fields, maxPackets, type Timeline } from './packets.ts';
import { type DecodingOptions, type Description, ProbedFile, type ProbeOptions } from './probed-file.ts';
import { mayChangeShape, ShapeReader, shapesArgs } from './shapes.ts';
import { readSigns, type Signs } from './signs.ts';
import { mainVideo, pictures, type ProbeOutput, type ProbeStream } from './streams.ts';
import { WindowReader } from './window.ts';

/** Packets of sound that the decoder may withhold, before its start and after its end. */
const UNHEARD = 2;

/** Pictures without a time that damage may leave, and the share of them. */
const MAX_UNTIMED = 2;
const UNTIMED_SHARE = 0.05;

/** A chapter that only touches a part is not in it. join-args.ts cuts by the same. */
export const CHAPTER_SLACK_S = 0.001;

/**
 * Facts about a media file: what ffprobe reports about its tracks, and timing counted from the packets of the whole file, as fast
 * as the disk reads and in constant memory.
 *
 * @throws ShrinkError `not-media`, `no-video`, `unsafe-media`, `incomplete-media`, `cannot-do` (two films in one file), and the codes of reading a file (`gone`, `denied`,
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

interface Timelines {
  main: ProbeStream;
  lines: Map<number, Timeline>;
  look: Look;
  /** Of the main video. */
  fields: Fields | undefined;
}

/** One file being probed. */
class FileProbe {
  readonly #file: ProbedFile;
  readonly #options: ProbeOptions;
  readonly #signs: Signs;

  private constructor(file: ProbedFile, options: ProbeOptions, signs: Signs) {
    this.#file = file;
    this.#options = options;
    this.#signs = signs;
  }

  /** Refuses a file whose bytes show that it is not a video, or an encrypted one, or more than one. */
  static async open(input: InputFile, options: ProbeOptions): Promise<FileProbe> {
    const file = await ProbedFile.open(input, options);
    const signs = await readSigns(input, file.bytes, options);
    if (signs.encryption !== undefined) throw copyProtected(input.path, signs.encryption);
    const nextAt = await reading(input, opened => nextFilmIn(opened, options.signal));
    if (nextAt !== undefined) throw severalFilms(input.path, nextAt);
    return new FileProbe(file, options, signs);
  }

  async describeAtOnce(decoding?: DecodingOptions): Promise<Description | undefined> {
    return await this.#file.describeAtOnce(decoding);
  }

  /** Facts from the description or, without one, from probing step by step. */
  async facts(description: Description | undefined): Promise<MediaFacts> {
    const output = description?.output ?? (await this.#file.describeTracks());
    const streams = output.streams ?? [];
    const protection = protectionIn(output);
    if (protection !== undefined) throw copyProtected(this.#file.path, protection);
    const [first, ...more] = pictures(streams);
    if (!first)
      throw noVideo(
        this.#file.path,
        streams.some(stream => stream.codec_type === 'audio'),
      );
    // Reading through a long file takes minutes: not for one that is refused anyway.
    if (more.length === 0) this.#refuseByTrack(first);
    const seen = await this.#timelines(first, streams, description?.timelines);
    const { main, lines: byPackets, look: later, fields } = await this.#withKeyframes(output, seen);
    const lines = withHeaders(output, byPackets, this.#signs);
    const frames = lines.get(main.index)?.packets ?? 0;
    if (frames === 0) throw noFrames(this.#file.path);
    // The second of two fields may well have no time of its own.
    const without = fields === undefined ? (lines.get(main.index)?.untimed ?? 0) : 0;
    if (without > MAX_UNTIMED && without > frames * UNTIMED_SHARE) throw untimed(this.#file.path, without, frames);
    const isOpaque = mustSeeAlpha(main) && !(await this.#isTransparent(main));
    const look = { ...later, ...(isOpaque && { isOpaque }) };
    const part = await this.#part(output, { main, lines, fields });
    const facts = assembleFacts(
      { output, main, lines, signs: this.#signs, look, ...part },
      { decodable: this.#options.tools.decodable, bytes: this.#file.bytes },
    );
    if (part && facts.video.frames < 2) throw partIsOnePicture(this.#file.path);
    if (frames === 1 || facts.durationS <= 0) throw onePicture(this.#file.path, longestSound(streams, lines));
    if (facts.video.fps > MAX_FPS) throw tooManyFrames(this.#file.path, facts.video.fps);
    return part ? { ...facts, window: part.window } : facts;
  }

  /** The part asked for; `undefined` if all of the file is looked at. */
  async #part(
    output: ProbeOutput,
    { main, lines, fields }: Pick<Timelines, 'main' | 'lines' | 'fields'>,
  ): Promise<{ window: Window; lines: Map<number, Timeline>; output: ProbeOutput } | undefined> {
    const { trim } = this.#options;
    const line = lines.get(main.index);
    if (!trim || !line || line.jumpsBack > 0 || line.packets < 2) return undefined;
    const durationS = line.endS - line.startS;
    const wanted = partOf(trim, durationS);
    if (wanted.kind === 'nothing') throw nothingInPart(this.#file.path, trim, durationS);
    if (wanted.isWhole) return undefined;
    if (line.cuts.length === 0) throw partUntimed(this.#file.path);
    const streams = output.streams ?? [];
    const texts = streams.filter(stream => stream.codec_type === 'subtitle').map(({ index }) => index);
    const reader = new WindowReader({
      ...{ main: main.index, fields, texts: new Set(texts), startS: line.startS, durationS },
      fromS: wanted.fromS > 0 ? line.startS + wanted.fromS : undefined,
      toS: wanted.toS < durationS ? line.startS + wanted.toS : undefined,
    });
    await this.#file.readPackets(packet => packet && reader.add(packet));
    const found = reader.result(this.#file.bytes);
    if (!found) throw partIsOnePicture(this.#file.path);
    const { startS, endS } = found.lines.get(main.index) ?? line;
    const chapters = output.chapters?.filter(
      ({ start_time: start, end_time: end }) =>
        Number(end) > startS + CHAPTER_SLACK_S && Number(start) < endS - CHAPTER_SLACK_S,
    );
    return { ...found, output: { ...output, chapters } };
  }

  /** The main video, the timelines of all tracks with frames counted as frames, and what its frames show. */
  async #timelines(
    first: ProbeStream,
    streams: readonly ProbeStream[],
    before: Map<number, Timeline> | undefined,
  ): Promise<Timelines> {
    const isOnly = pictures(streams).length === 1;
    // Before reading through the film, so that once will do.
    const early = before || !isOnly ? undefined : await this.#opening(first);
    let lines = before ?? (await this.#file.scanPackets(fieldsOf(first, early)));
    const main = mainVideo(streams, lines) ?? first;
    this.#refuseByTrack(main);
    const opening = early ?? (await this.#opening(main));
    const line = lines.get(main.index);
    if (!early && line && opening.fields !== undefined && mayHoldFields(line, opening.fields))
      lines = await this.#file.scanPackets(fieldsOf(main, opening));
    const look = mustDetectFields(main) ? await this.#detectFields(main, lines) : opening;
    return { main, lines, look, fields: opening.fields };
  }

  /** The first frames, where the container does not say all about them. */
  async #opening(stream: ProbeStream): Promise<Opening> {
    if (!mustSeeFrames(stream)) return lookByContainer(stream);
    const lines: string[] = [];
    const wanted = [
      ...['-select_streams', String(stream.index), '-read_intervals', `%+#${OPENING_PACKETS}`],
      ...['-show_entries', OPENING_ENTRIES, '-of', 'compact'],
    ];
    await this.#file.showFrames(wanted, line => lines.push(line));
    return openingLook(lines, stream);
  }

  /** Whether a picture has fields, where nothing but the picture can tell. */
  async #detectFields(main: ProbeStream, lines: ReadonlyMap<number, Timeline>): Promise<Look> {
    const found = { tff: 0, bff: 0, progressive: 0 };
    const { startS = 0, endS = 0 } = lines.get(main.index) ?? {};
    const place = { index: main.index, lengthS: endS - startS };
    if (this.#options.tools.filters.has('idet'))
      await this.#file.filterFrames(
        file => detectArgs(file, place),
        line => countDetected(found, line),
      );
    return detectedLook(found, main);
  }

  async #isTransparent({ index }: ProbeStream): Promise<boolean> {
    let seen = false;
    await this.#file.filterFrames(
      file => alphaArgs(file, index),
      line => (seen ||= showsAlpha(line)),
    );
    return seen;
  }

  /** Reads through the film once more, where its container lets the picture change: its shape, and whether it has fields. */
  async #withKeyframes({ format }: ProbeOutput, seen: Timelines): Promise<Timelines> {
    const { main, lines, fields } = seen;
    const line = lines.get(main.index);
    if (!line || this.#options.oneShape || !mayChangeShape(main, format)) return seen;
    const keyframes = new ShapeReader();
    await this.#file.showFrames(shapesArgs(main, line), text => keyframes.add(text), { whole: true });
    const shapes = keyframes.result(line.endS);
    const opening = laterLook({ ...seen.look, ...(fields && { fields }) }, keyframes.interlacedShare, main, line);
    const isNews = fields === undefined && opening.fields !== undefined;
    return {
      main,
      lines: isNews ? await this.#file.scanPackets(fieldsOf(main, opening)) : lines,
      look: { ...opening, ...(shapes && { shapes }) },
      fields: opening.fields,
    };
  }

  #refuseByTrack({ width = 0, height = 0, codec_name: codec = 'unknown', nb_frames: claimed }: ProbeStream): void {
    if (Number(claimed) > maxPackets(this.#file.bytes)) throw claimsTooMuch(this.#file.path);
    if (width * height > MAX_PIXELS) throw tooManyPixels(this.#file.path, { width, height });
    if (!this.#options.tools.decodable.has(codec)) throw cannotDecode(this.#file.path, codec);
    // A codec it knows tells its size in the header of the stream.
    if (width === 0 || height === 0) throw headerMissing(this.#file.path, codec);
  }
}

function fieldsOf({ index }: ProbeStream, opening: Opening | undefined): Map<number, Fields> {
  return new Map(opening?.fields === undefined ? [] : [[index, opening.fields]]);
}

/** Timelines of pictures without what their packets cannot mean, and with what the headers of an MP4 add to them. */
function withHeaders(
  { streams = [] }: ProbeOutput,
  lines: ReadonlyMap<number, Timeline>,
  { lengths }: Signs,
): Map<number, Timeline> {
  const all = new Map(lines);
  for (const { index, id } of pictures(streams)) {
    const line = lines.get(index);
    if (line) all.set(index, endByHeaders(endByGaps(line), lengths.get(Number(id))));
  }
  return all;
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
