import type { ChildArg, ChildInput } from '../../platform/process/run-child.ts';
import type { Tools } from './tools.ts';

/**
 * Demuxers a source may be opened with. Lists of other files (hls, concat, dash), devices and single pictures
 * are left out on purpose: ffmpeg 5.1 opens an HLS playlist named .mp4 and reads other local files through it.
 */
const FORMAT_WHITELIST =
  'mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,asf,flv,live_flv,ogg,mxf,dv,wtv,rm,nut,ivf,yuv4mpegpipe,gif,apng';

/** 8192 x 8192: allows 8K, refuses a bomb of 16000x16000. docs/encoding.md, Untrusted input */
export const MAX_PIXELS = 67_108_864;

/** First arguments of every ffmpeg and ffprobe call of ours. */
export function quiet(level = 'error'): string[] {
  return ['-hide_banner', '-v', level];
}

/**
 * Input arguments for an untrusted file. The `file:` prefix with an absolute path keeps `concat:a|b.mov`, `-vf.mov` and the
 * like from being read as anything but a name.
 */
export function untrustedInput(file: ChildInput): ChildArg[] {
  return [
    '-protocol_whitelist',
    'file',
    '-format_whitelist',
    FORMAT_WHITELIST,
    '-max_pixels',
    String(MAX_PIXELS),
    '-i',
    { prefix: 'file:', file },
  ];
}

/**
 * For reading an MP4 of ours: where no chapter has a name, ffmpeg writes a reference to a track of names and no such track, and complains
 * about that itself. The chapters are all there.
 */
export const WITHOUT_CHAPTERS = ['-ignore_chapters', '1'];

export function fileUrl(path: string): string {
  return `file:${path}`;
}

/** Every frame keeps its own timestamp: otherwise ffmpeg duplicates frames of variable rates, and two passes count differently. */
export function keepFrameTimes(tools: Pick<Tools, 'options'>): string[] {
  return [tools.options.has('fps_mode') ? '-fps_mode' : '-vsync', 'passthrough'];
}

/**
 * The encoder's clock. By default it ticks once per frame of the average rate, and frames are moved to the next tick.
 * docs/encoding.md, Timestamps
 */
export const FINE_CLOCK = ['-enc_time_base', '1/90000'];

/** One interleave chunk a second instead of one per packet, which would make up most of the tables. docs/encoding.md, MP4 tables */
export function oneSecondChunks(tools: Pick<Tools, 'options'>): string[] {
  return tools.options.has('chunk_duration') ? ['-chunk_duration', '1000000'] : [];
}

/** For decodes that check completeness, not looks: the loop filter takes a fifth of the time with H.264 and HEVC. */
export const WITHOUT_LOOP_FILTER = ['-skip_loop_filter', 'all'];
