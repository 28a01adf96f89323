/**
 * Looks at a file with ffprobe and ffmpeg alone, as somebody would who distrusts shrinkbox: nothing of `src/media` or `src/verify`
 * is used, so that a mistake there cannot hide itself here.
 */
import { readFile, stat } from 'node:fs/promises';
import { output, run } from './child.ts';
import { levelMeter } from './levels.ts';
import type { Other, Seen, SeenPicture, SeenSound, SeenSubtitles } from './seen.ts';
import { RASTER, RASTER_BYTES } from './seen.ts';

export interface Programs {
  ffmpeg: string;
  ffprobe: string;
  /** The option that keeps every frame and its time, as this ffmpeg spells it. */
  everyFrame: readonly string[];
}

export interface How {
  /** The first complaint of a decoder ends it, as with a result; a source is decoded as far as it goes. */
  strict?: boolean;
  /** The result, into whose frame a source that changes its shape is fitted. */
  like?: SeenPicture | undefined;
}

interface Stream {
  index: number;
  codec_type?: string;
  codec_name?: string;
  codec_tag_string?: string;
  profile?: string;
  pix_fmt?: string;
  sample_fmt?: string;
  width?: number;
  height?: number;
  sample_aspect_ratio?: string;
  channels?: number;
  channel_layout?: string;
  color_space?: string;
  color_transfer?: string;
  field_order?: string;
  duration?: string;
  disposition?: Record<string, number>;
  tags?: Record<string, string>;
  side_data_list?: { side_data_type?: string; rotation?: number; type?: string }[];
}

interface Described {
  streams?: Stream[];
  chapters?: { tags?: Record<string, string> }[];
  format?: { format_name?: string; tags?: Record<string, string> };
}

/** What the packets say of one track. */
interface Track {
  packets: number;
  startS: number;
  endS: number;
  /** How long the last one stays; 0 where that is not said. */
  lastS: number;
  /** Its clock starts again somewhere. */
  jumps: boolean;
}

export async function look(path: string, programs: Programs, { strict = false, like }: How = {}): Promise<Seen> {
  const { size } = await stat(path);
  const described = JSON.parse(
    (await output(programs.ffprobe, [...QUIET, '-show_format', '-show_streams', '-show_chapters', ...JSON_OF, path])) ||
      '{}',
  ) as Described;
  const streams = described.streams ?? [];
  const tracks = await packetsOf(path, programs);
  const main = mainPicture(streams, tracks);
  const frames = main ? await framesOf(path, main, programs) : { shapes: 0, fields: false, captions: false };
  const isMp4 = /\bmp4\b/.test(described.format?.format_name ?? '');
  const decoded = await decode(path, { main, streams, tracks, frames, isMp4, like, strict }, programs);
  const { picture, zeroS } = decoded;
  return {
    bytes: size,
    container: described.format?.format_name ?? '',
    complaints: decoded.complaints,
    ...(picture ? { picture } : {}),
    sounds: decoded.sounds,
    subtitles: await subtitlesOf(path, { streams, tracks, zeroS }, programs),
    chapters: (described.chapters ?? []).map(({ tags }) => tags?.['title'] ?? ''),
    tags: contentTags(described, main),
    others: [
      ...otherTracks(streams, tracks, main, described),
      ...(main ? marks(main, frames) : []),
      ...(main && (await isClear(path, main, programs)) ? (['transparency'] as const) : []),
      ...(main && (await isCombed(path, main, programs)) ? (['combs'] as const) : []),
      ...((await hasSecondEye(path)) ? (['a second eye'] as const) : []),
    ],
  };
}

const QUIET = ['-v', 'error'];
const JSON_OF = ['-of', 'json'];

async function packetsOf(path: string, { ffprobe }: Programs): Promise<Map<number, Track>> {
  const wanted = ['-show_entries', 'packet=stream_index,pts_time,dts_time,duration_time,flags', '-of', 'csv=p=0'];
  const tracks = new Map<number, Track & { atS: number }>();
  for (const line of (await output(ffprobe, [...QUIET, ...wanted, path])).split('\n')) {
    const [index = '', pts, dts, length = '', flags = ''] = line.split(',');
    if (index === '' || flags.includes('D')) continue;
    const startS = Number.isFinite(Number(pts)) ? Number(pts) : Number(dts);
    const fresh = { packets: 0, startS: Infinity, endS: -Infinity, lastS: 0, jumps: false, atS: 0 };
    const track = tracks.get(Number(index)) ?? fresh;
    track.packets += 1;
    if (Number.isFinite(startS)) {
      const lengthS = Number(length) || 0;
      // Pictures may be stored long before those shown ahead of them; their decoding times never go back.
      const atS = Number.isFinite(Number(dts)) ? Number(dts) : startS;
      if (track.packets > 1 && atS < track.atS - 1) track.jumps = true;
      if (startS + lengthS >= track.endS) track.lastS = lengthS;
      track.atS = atS;
      track.startS = Math.min(track.startS, startS);
      track.endS = Math.max(track.endS, startS + lengthS);
    }
    tracks.set(Number(index), track);
  }
  return tracks;
}

/** The film: what is no cover and moves; then what is marked as the default, lasts longest, is largest. */
function mainPicture(streams: readonly Stream[], tracks: ReadonlyMap<number, Track>): Stream | undefined {
  const films = streams.filter(
    ({ codec_type, disposition, index }) =>
      codec_type === 'video' && !disposition?.['attached_pic'] && (tracks.get(index)?.packets ?? 0) > 1,
  );
  const rank = (stream: Stream) => [
    stream.disposition?.['default'] ?? 0,
    tracks.get(stream.index)?.packets ?? 0,
    (stream.width ?? 0) * (stream.height ?? 0),
  ];
  return films.toSorted(
    (a, b) =>
      rank(b)
        .map((value, n) => value - (rank(a)[n] ?? 0))
        .find(Boolean) ?? 0,
  )[0];
}

interface Frames {
  shapes: number;
  fields: boolean;
  captions: boolean;
}

/** Enough to see whether half-pictures and captions are there, and whether the size changes, in what has a few minutes. */
const FRAMES_LOOKED_AT = 3_000;

async function framesOf(path: string, { index }: Stream, { ffprobe }: Programs): Promise<Frames> {
  const entries = 'frame=width,height,interlaced_frame:frame_side_data=side_data_type';
  const part = ['-read_intervals', `%+#${FRAMES_LOOKED_AT}`];
  const text = await output(ffprobe, [
    ...[...QUIET, '-select_streams', String(index), ...part, '-show_frames', '-show_entries', entries],
    ...['-of', 'compact', path],
  ]);
  const shapes = new Set([...text.matchAll(/width=(\d+)\|height=(\d+)/g)].map(([shape]) => shape));
  return { shapes: shapes.size, fields: text.includes('interlaced_frame=1'), captions: text.includes('A53') };
}

interface Decoding {
  main: Stream | undefined;
  streams: readonly Stream[];
  tracks: ReadonlyMap<number, Track>;
  frames: Frames;
  isMp4: boolean;
  like: SeenPicture | undefined;
  strict: boolean;
}

interface DecodedAll {
  complaints: string;
  picture?: SeenPicture;
  sounds: SeenSound[];
  /** When the first picture comes, on the clock of ffmpeg's outputs. */
  zeroS: number;
}

/** Everything is decoded by one ffmpeg, so that picture and sound have one clock. */
async function decode(path: string, given: Decoding, programs: Programs): Promise<DecodedAll> {
  const { main, streams, tracks, frames, isMp4 } = given;
  const audio = streams.filter(({ codec_type, index }) => codec_type === 'audio' && tracks.has(index));
  let decodable = audio.filter(({ sample_fmt }) => sample_fmt !== undefined);
  let attempt = await decodeOnce(path, { ...given, decodable }, programs);
  if (main && attempt.times.length === 0 && decodable.length > 0) {
    // One track that cannot be opened stops all: those that can be are found one by one.
    const alone = await Promise.all(
      decodable.map(async stream => {
        const { meters } = await decodeOnce(path, { ...given, main: undefined, decodable: [stream] }, programs);
        return (meters[0]?.levels()[0]?.loud.length ?? 0) > 0;
      }),
    );
    decodable = decodable.filter((_, n) => alone[n]);
    attempt = await decodeOnce(path, { ...given, decodable }, programs);
  }
  const { times, rasters, meters, complaints } = attempt;
  const zeroS = times[0] ?? 0;
  const sounds = audio.map((stream): SeenSound => {
    const at = decodable.indexOf(stream);
    return {
      codec: stream.codec_name ?? printable(stream.codec_tag_string),
      channels: stream.channels ?? 0,
      layout: (stream.channel_layout ?? '').replace('(side)', ''),
      language: languageOf(stream),
      title: stream.tags?.['title'] ?? stream.tags?.['handler_name'] ?? '',
      decodable: at >= 0,
      fromS: -zeroS,
      levels: meters[at]?.levels() ?? [],
    };
  });
  if (!main || times.length === 0) return { complaints: complaints || 'no picture', sounds, zeroS };
  const lengthS = lengthOf(times, tracks.get(main.index), isMp4 ? Number(main.duration) || 0 : 0);
  const picture = {
    codec: main.codec_name ?? '',
    aspect: aspectOf(main),
    lines: Math.min(main.width ?? 0, main.height ?? 0),
    jumps: tracks.get(main.index)?.jumps ?? false,
    shapes: frames.shapes,
    times: times.map(time => time - zeroS),
    rasters: rasters.subarray(0, times.length * RASTER_BYTES),
    lengthS,
  };
  return { complaints, picture, sounds, zeroS };
}

/**
 * How long the last picture stays is said by its packet; in an MP4 only by the track, where packets are stored out of order. Where
 * nothing is said, as long as the others.
 */
function lengthOf(times: readonly number[], track: Track | undefined, said: number): number {
  const shown = (times.at(-1) ?? 0) - (times[0] ?? 0);
  const usual = shown + (shown / Math.max(1, times.length - 1) || 0);
  if (!track || track.jumps) return usual;
  return Math.max(track.lastS > 0 ? Math.max(shown, track.endS - track.startS) : usual, said);
}

interface Attempt {
  times: number[];
  rasters: Buffer;
  meters: ReturnType<typeof levelMeter>[];
  complaints: string;
}

const CLOCK = 90_000;
const SOUND_RATE = 16_000;

async function decodeOnce(
  path: string,
  {
    main,
    decodable,
    frames,
    like,
    strict,
  }: Omit<Decoding, 'streams' | 'tracks' | 'isMp4'> & { decodable: readonly Stream[] },
  { ffmpeg, everyFrame }: Programs,
): Promise<Attempt> {
  const pieces: Buffer[] = [];
  let list = '';
  const meters = decodable.map(({ channels = 1 }) => levelMeter(channels, SOUND_RATE));
  const every = [...everyFrame, '-enc_time_base', `1/${CLOCK}`];
  const graph = main ? ['-filter_complex', `[0:${main.index}]${reduce(main, frames, like)},split[a][b]`] : [];
  const raster = main
    ? ['-map', '[a]', ...every, '-f', 'rawvideo', 'pipe:1', '-map', '[b]', ...every, '-f', 'framecrc', 'pipe:3']
    : [];
  const pipe = (n: number) => (main ? n + 4 : n === 0 ? 1 : n + 2);
  const sound = decodable.flatMap(({ index }, n) => [
    ...['-map', `0:${index}`, '-af', `aresample=${SOUND_RATE}:async=1:first_pts=0`],
    ...['-f', 'f32le', '-c:a', 'pcm_f32le', `pipe:${pipe(n)}`],
  ]);
  const ended = await run({
    command: ffmpeg,
    args: [...QUIET, '-nostdin', ...(strict ? ['-xerror'] : []), '-i', path, ...graph, ...raster, ...sound],
    readers: [
      ...(main ? [(piece: Buffer) => pieces.push(piece), (piece: Buffer) => (list += piece.toString())] : []),
      ...meters.map(({ add }) => add),
    ],
  });
  const complaints = ended.code === 0 ? ended.stderr : ended.stderr || `ffmpeg ended with ${ended.code}`;
  return { times: timesIn(list), rasters: Buffer.concat(pieces), meters, complaints };
}

function timesIn(list: string): number[] {
  const [, per = CLOCK] = /^#tb 0: 1\/(\d+)/m.exec(list) ?? [];
  return [...list.matchAll(/^0,\s*-?\d+,\s*(-?\d+)/gm)].map(([, pts]) => Number(pts) / Number(per));
}

/** Down to RASTER in the colours that players show: by the tags, and without them as browsers guess. */
function reduce(main: Stream, { shapes }: Frames, like: SeenPicture | undefined): string {
  const fit =
    shapes > 1 && like
      ? [
          'scale=trunc(iw*sar/2)*2:ih,setsar=1',
          `scale=${Math.round(360 * like.aspect)}:360:force_original_aspect_ratio=decrease`,
          `pad=${Math.round(360 * like.aspect)}:360:-1:-1`,
        ]
      : [];
  const { width, height } = RASTER;
  const flags = 'flags=area+accurate_rnd+full_chroma_int';
  return [...fit, `scale=${width}:${height}:${flags}:in_color_matrix=${matrixOf(main)}`, 'format=rgb24'].join(',');
}

const MATRICES: Readonly<Record<string, string>> = {
  bt709: 'bt709',
  smpte170m: 'bt601',
  bt470bg: 'bt601',
  smpte240m: 'smpte240m',
  fcc: 'fcc',
  bt2020nc: 'bt2020',
};
/** From so many lines on, browsers take an untagged picture for HD. */
const HD_LINES = 720;

function matrixOf({ color_space: space = '', height = 0 }: Stream): string {
  return MATRICES[space] ?? (height >= HD_LINES ? 'bt709' : 'bt601');
}

function aspectOf({ width = 1, height = 1, sample_aspect_ratio: sar = '1:1', side_data_list = [] }: Stream): number {
  const [across = 1, down = 1] = sar.split(':').map(Number);
  const stored = ((width / height) * (across || 1)) / (down || 1);
  const turned = side_data_list.some(({ rotation }) => rotation !== undefined && Math.abs(rotation % 180) === 90);
  return turned ? 1 / stored : stored;
}

const PICTURE_SUBTITLES = /^(hdmv_pgs|dvd|dvb|xsub)/;

async function subtitlesOf(
  path: string,
  { streams, tracks, zeroS }: { streams: readonly Stream[]; tracks: ReadonlyMap<number, Track>; zeroS: number },
  { ffmpeg }: Programs,
): Promise<SeenSubtitles[]> {
  const texts = streams.filter(
    ({ codec_type, codec_name = '', index }) =>
      codec_type === 'subtitle' && tracks.has(index) && !PICTURE_SUBTITLES.test(codec_name),
  );
  return await Promise.all(
    texts.map(async stream => {
      const srt = await output(ffmpeg, [
        ...QUIET,
        '-nostdin',
        '-i',
        path,
        '-map',
        `0:${stream.index}`,
        '-f',
        'srt',
        '-',
      ]);
      return { codec: stream.codec_name ?? '', language: languageOf(stream), cues: cuesIn(srt, zeroS) };
    }),
  );
}

function cuesIn(srt: string, zeroS: number): SeenSubtitles['cues'] {
  return srt.split(/\n\s*\n/).flatMap(block => {
    const [, h = 0, m = 0, s = 0, rest = ''] = /(\d+):(\d+):(\d+,\d+) -->[^\n]*\n([\s\S]*)/.exec(block) ?? [];
    const text = rest
      .replace(/<[^>]*>|\{[^}]*\}/g, '')
      .replace(/\s+/g, ' ')
      .trim();
    const startS = Number(h) * 3600 + Number(m) * 60 + Number(String(s).replace(',', '.')) - zeroS;
    return text === '' ? [] : [{ startS, text }];
  });
}

/** About the container, the program that wrote it, or an item of its own. */
const TECHNICAL =
  /^(major_brand|minor_version|compatible_brands|encoder|encoding_tool|duration|handler_name|vendor_id|language|rotate|timecode|_statistics.*|bps|number_of_.*|variant_bitrate|is_?vbr|wmfsdk.*|deviceconformancetemplate|service_.*|alpha_mode|operational_pattern_ul|.*_uid|.*_umid|uid|generation_uid|company_name|product_.*|application_platform|modification_date|toolkit_version.*|file_package_.*|track_name|reel_.*|data_type|stereo_mode|asf_protection_type|encoding_time|encoded_by)$/i;

function contentTags({ format }: Described, main: Stream | undefined): Record<string, string> {
  const created = main?.tags?.['creation_time'];
  const given = Object.entries({ ...(created ? { creation_time: created } : {}), ...format?.tags })
    .filter(([name, value]) => !TECHNICAL.test(name) && String(value).trim() !== '')
    .map(([name, value]) => [name.toLowerCase(), String(value)] as const);
  const names = new Set(given.map(([name]) => name));
  // `title-eng` is another wording of `title`.
  return Object.fromEntries(given.filter(([name]) => !/-[a-z]{3}$/.test(name) || !names.has(name.slice(0, -4))));
}

function otherTracks(
  streams: readonly Stream[],
  tracks: ReadonlyMap<number, Track>,
  main: Stream | undefined,
  { chapters = [] }: Described,
): Other[] {
  return streams.flatMap((stream): Other[] => {
    const { codec_type, codec_name = '', codec_tag_string: tag, disposition, index } = stream;
    if (stream === main) return [];
    if (codec_type === 'video') return disposition?.['attached_pic'] ? ['cover art'] : ['another picture track'];
    if (codec_type === 'attachment') return ['an attachment'];
    if (codec_type === 'audio') return tracks.has(index) ? [] : ['an empty sound track'];
    if (codec_type === 'subtitle') return PICTURE_SUBTITLES.test(codec_name) ? ['subtitles made of pictures'] : [];
    // MP4 keeps its chapters in a text track.
    return tag === 'text' && chapters.length > 0 ? [] : ['a data track'];
  });
}

function marks(main: Stream, { fields, captions }: Frames): Other[] {
  const side = (part: string) => main.side_data_list?.find(({ side_data_type }) => side_data_type?.includes(part));
  const format = main.pix_fmt ?? '';
  const found: [boolean, Other][] = [
    [captions, 'captions'],
    [/^(smpte2084|arib-std-b67)$/.test(main.color_transfer ?? ''), 'HDR'],
    [side('DOVI') !== undefined, 'Dolby Vision'],
    [side('Spherical') !== undefined, '360 degrees'],
    [(side('Stereo 3D')?.type ?? '2D') !== '2D', '3D views'],
    [
      (main.codec_name !== 'gif' && /^(yuva|gbrap|rgba|argb|bgra|abgr|ya8|ya16|pal8)/.test(format)) ||
        isAlphaBeside(main),
      'transparency',
    ],
    [
      /(444|440|422|9|1[0246])(le|be)?$|^(gbr|rgb|bgr|argb|rgba)/.test(format) && format !== 'yuv420p',
      'a finer colour depth',
    ],
    [fields, 'half-pictures'],
  ];
  return found.flatMap(([is, what]) => (is ? [what] : []));
}

function isAlphaBeside({ tags = {} }: Stream): boolean {
  return tags['alpha_mode'] === '1' || tags['ALPHA_MODE'] === '1';
}

/** Whether a GIF can be seen through anywhere: its pixel format is the same either way. */
async function isClear(path: string, { index, codec_name: codec }: Stream, { ffmpeg }: Programs): Promise<boolean> {
  if (codec !== 'gif') return false;
  const args = ['-nostdin', '-v', 'error', '-i', path, '-map', `0:${index}`, '-vf', 'alphaextract,scale=32:32'];
  let clear = false;
  await run({
    command: ffmpeg,
    args: [...args, '-f', 'rawvideo', '-pix_fmt', 'gray', 'pipe:1'],
    readers: [piece => (clear ||= piece.some(value => value < 250))],
  });
  return clear;
}

/** Whether the picture has the combs of half-pictures, whatever its flags say. */
async function isCombed(path: string, { index }: Stream, { ffmpeg }: Programs): Promise<boolean> {
  const args = [
    '-nostdin',
    '-hide_banner',
    '-nostats',
    '-t',
    '5',
    '-i',
    path,
    '-map',
    `0:${index}`,
    '-vf',
    'idet',
    '-f',
    'null',
    '-',
  ];
  const { stderr } = await run({ command: ffmpeg, args });
  const found = [...stderr.matchAll(/Multi frame detection: TFF:\s*(\d+) BFF:\s*(\d+) Progressive:\s*(\d+)/g)].at(-1);
  const [, top = 0, bottom = 0, whole = 0] = found?.map(Number) ?? [];
  return top + bottom > Math.max(4, whole);
}

/** Where the index of an MP4 is, whether first or last. */
const HEAD_BYTES = 32_000_000;

async function hasSecondEye(path: string): Promise<boolean> {
  if ((await stat(path)).size > HEAD_BYTES) return false;
  const bytes = await readFile(path);
  return bytes.includes('lhvC', 0, 'latin1') && bytes.includes('hvc1', 0, 'latin1');
}

function languageOf({ tags = {} }: Stream): string {
  return /^[a-z]{3}/.exec(tags['language'] ?? tags['LANGUAGE'] ?? '')?.[0] ?? 'und';
}

function printable(tag = ''): string {
  return /^[\w .-]+$/.test(tag) ? tag : 'unknown';
}
