/** The filters, size and colours of the picture. Pure. docs/encoding.md, Colours and Timestamps */
import type { MediaFacts, VideoTrack } from '../../../core/media-info.ts';
import { fitInto, type Target } from '../../../core/target.ts';
import type { Tools } from '../../../media/ffmpeg/tools.ts';
import { EVEN_RATE_SHARE, FPS_TOLERANCE, HDR_WHITE, SCALER } from '../tuning.ts';
import type { Segment } from './segments.ts';

/** What happens to the picture: size, filters and colour tags. Survives JSON. */
export interface PicturePlan {
  width: number;
  height: number;
  /** At most this many frames per second are kept; absent if every frame is. */
  fps?: number;
  /** A filter graph for `-filter:v`; filtersFrom completes it for a particular segment. */
  filters: string;
  /** Colour tags for the encoder. */
  colors: string[];
}

/**
 * The picture at `scale` (0-1] of what the target asks for. Order of the filters: deinterlace, drop frames, resize (before the
 * costly tone mapping), colours, 8 bits. ffmpeg turns the picture upright by itself before all that.
 */
export function planPicture(
  facts: MediaFacts,
  target: Target,
  scale: number,
  tools: Pick<Tools, 'filters'>,
): PicturePlan {
  const { video } = facts;
  const size = fitInto({ width: video.displayWidth, height: video.displayHeight }, target.resolution);
  const { width, height } = scale < 1 ? scaled(size, scale) : size;
  return pictureAt(facts, { width, height, fps: frameRate(video.fps, target.fps) }, tools);
}

/** The picture in this size and rate: another machine plans it from these alone, since nobody else's filters may reach an ffmpeg. */
export function pictureAt(
  facts: Pick<MediaFacts, 'video' | 'startS'>,
  { width, height, fps }: Pick<PicturePlan, 'width' | 'height' | 'fps'>,
  tools: Pick<Tools, 'filters'>,
): PicturePlan {
  const { video } = facts;
  const color = planColors(video, tools, { width, height });
  const filters = [
    ...deinterlace(video, tools),
    ...(fps === undefined ? [] : [dropFrames(fps, facts.startS)]),
    ...resize(video, width, height, color.range),
    ...color.filters,
    'setsar=1',
    'format=yuv420p',
  ];
  return {
    width,
    height,
    fps,
    filters: filters.join(','),
    colors: color.tags,
  };
}

function scaled(size: { width: number; height: number }, scale: number): { width: number; height: number } {
  const even = (n: number) => Math.max(16, Math.round((n * scale) / 2) * 2);
  return { width: even(size.width), height: even(size.height) };
}

/**
 * Frames per second to keep. An even division of the source's rate looks smoother than an uneven one (50 limited to 30
 * becomes 25), unless it loses more than a fifth of what was allowed.
 */
export function frameRate(sourceFps: number, atMost: number | undefined): number | undefined {
  if (atMost === undefined || sourceFps <= atMost * FPS_TOLERANCE) return undefined;
  const even = sourceFps / Math.ceil(sourceFps / atMost - 0.005);
  return even >= atMost * EVEN_RATE_SHARE ? even : atMost;
}

const FIRST = '{first}';

/** The first frame of every slot of 1/fps is kept with its own timestamp; none is ever duplicated. */
function dropFrames(fps: number, startS: number): string {
  const slot = (time: string) => `floor((${time}-${startS})*${fps.toFixed(6)}+0.1)`;
  return `select='if(isnan(prev_t),${FIRST},gt(${slot('t')},${slot('prev_t')}))'`;
}

/** Whether a segment's first frame is kept depends on the one before it, which this child does not see. */
export function filtersFrom(
  picture: PicturePlan,
  facts: Pick<MediaFacts, 'startS'>,
  segment: Pick<Segment, 'atS' | 'beforeS'>,
): string {
  const { fps } = picture;
  if (fps === undefined) return picture.filters;
  const slot = (time: number) => Math.floor((time - facts.startS) * fps + 0.1);
  const first = segment.beforeS === undefined || slot(segment.atS) > slot(segment.beforeS);
  return picture.filters.replace(FIRST, first ? '1' : '0');
}

function deinterlace(video: VideoTrack, tools: Pick<Tools, 'filters'>): string[] {
  if (!video.interlaced) return [];
  // It leaves frames alone that do not say that they are interlaced.
  const said = video.unsaidFields ? [`setfield=${video.unsaidFields}`] : [];
  const filter = tools.filters.has('bwdif') ? 'bwdif' : 'yadif';
  return [...said, `${filter}=mode=send_frame:parity=auto:deint=interlaced`];
}

/** Cropping an odd row or column leaves every other pixel unchanged; scaling by one pixel would blur them all. */
function resize(video: VideoTrack, width: number, height: number, range: string): string[] {
  if (video.shapeChanges > 0) return fit(width, height, range);
  const isDisplaySize = Math.abs(width - video.displayWidth) <= 1 && Math.abs(height - video.displayHeight) <= 1;
  const crop = isDisplaySize && video.sampleAspect === 1;
  if (!crop) return [`scale=${width}:${height}:flags=${SCALER}${range && `:${range}`}`];
  const exact = width === video.displayWidth && height === video.displayHeight ? [] : [`crop=${width}:${height}:0:0`];
  return range ? [...exact, `scale=${range}`] : exact;
}

/** Every frame as large as it goes into the size without being stretched, whatever its own shape; the rest is black. */
function fit(width: number, height: number, range: string): string[] {
  const even = (side: string) => `max(2,2*round(${side}/2))`;
  const isWider = `gt(dar,${width}/${height})`;
  const w = `if(${isWider},${width},${even(`${height}*dar`)})`;
  const h = `if(${isWider},${even(`${width}/dar`)},${height})`;
  return [
    `scale=w='min(${width},${w})':h='min(${height},${h})':eval=frame:flags=${SCALER}${range && `:${range}`}`,
    `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2:eval=frame`,
  ];
}

interface Colors {
  /** Options for the scale filter. */
  range: string;
  filters: string[];
  tags: string[];
}

const BT709 = ['-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709', '-color_range', 'tv'];

function planColors(video: VideoTrack, tools: Pick<Tools, 'filters'>, size: Size): Colors {
  if (video.hdr !== 'sdr') return planHdr(video, tools);
  const rgb = video.color.space === 'gbr' || /^(gbr|rgb|bgr|argb|abgr|0rgb|pal8)/.test(video.pixelFormat);
  if (rgb) return { range: 'out_color_matrix=bt709:out_range=tv', filters: [], tags: BT709 };
  const full = video.color.range === 'pc' || video.pixelFormat.startsWith('yuvj');
  return { range: full ? 'in_range=pc:out_range=tv' : '', filters: [], tags: sdrTags(video, size) };
}

/** 10-bit HDR in H.264 plays on few phones and in no browser. */
function planHdr(video: VideoTrack, tools: Pick<Tools, 'filters'>): Colors {
  const transfer = video.hdr === 'pq' ? 'smpte2084' : 'arib-std-b67';
  if (!tools.filters.has('zscale') || !tools.filters.has('tonemap')) {
    return {
      range: '',
      filters: [],
      tags: ['-color_primaries', 'bt2020', '-color_trc', transfer, '-colorspace', 'bt2020nc', '-color_range', 'tv'],
    };
  }
  const input = `tin=${transfer}:pin=bt2020:min=bt2020nc:rin=${video.color.range === 'pc' ? 'full' : 'limited'}`;
  return {
    range: '',
    filters: [
      `zscale=${input}:t=linear:npl=${HDR_WHITE}`,
      'format=gbrpf32le',
      'zscale=p=bt709',
      'tonemap=tonemap=hable:desat=0',
      'zscale=t=bt709:m=bt709:r=limited',
    ],
    tags: BT709,
  };
}

/** All that ffmpeg names, because it writes those of the frames where no option says another (Display P3 is smpte432). */
const PRIMARIES = new Set([
  ...['bt709', 'bt470m', 'bt470bg', 'smpte170m', 'smpte240m', 'film', 'bt2020'],
  ...['smpte428', 'smpte431', 'smpte432', 'ebu3213'],
]);
const MATRICES = new Set([
  ...['bt709', 'fcc', 'bt470bg', 'smpte170m', 'smpte240m', 'bt2020nc'],
  ...['bt2020c', 'ycgco', 'smpte2085', 'chroma-derived-nc', 'chroma-derived-c', 'ictcp'],
]);
/** ffprobe's name on the left, the encoder option's on the right; the option has different names for two of them. */
const TRANSFERS: Readonly<Record<string, string>> = {
  bt709: 'bt709',
  bt470m: 'gamma22',
  bt470bg: 'gamma28',
  smpte170m: 'smpte170m',
  smpte240m: 'smpte240m',
  linear: 'linear',
  'iec61966-2-1': 'iec61966-2-1',
  'iec61966-2-4': 'iec61966-2-4',
  'bt2020-10': 'bt2020-10',
  'bt2020-12': 'bt2020-12',
  log100: 'log100',
  log316: 'log316',
  bt1361e: 'bt1361e',
  smpte428: 'smpte428',
};

interface Size {
  width: number;
  height: number;
}

/** Without tags, players take the colours of HD for BT.709, and those of anything smaller for BT.601: by lines, or by width. */
const isHd = ({ width, height }: Size): boolean => width >= 1280 || height >= 720;

function sdrTags(video: VideoTrack, size: Size): string[] {
  const isTagged = video.color.primaries ?? video.color.transfer ?? video.color.space;
  if (!isTagged && isHd({ width: video.displayWidth, height: video.displayHeight }) && !isHd(size)) return BT709;
  const { primaries = '', transfer = '', space = '' } = video.color;
  return [
    ...(PRIMARIES.has(primaries) ? ['-color_primaries', primaries] : []),
    ...(TRANSFERS[transfer] ? ['-color_trc', TRANSFERS[transfer]] : []),
    ...(MATRICES.has(space) ? ['-colorspace', space] : []),
    '-color_range',
    'tv',
  ];
}
