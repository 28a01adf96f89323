import type { AudioTrack, MediaFacts, SubtitleTrack, VideoTrack } from '../../core/media-info.ts';
import { inventory } from '../inventory/inventory.ts';
import type { Probed } from '../inventory/probed.ts';
import type { Timeline } from './packets.ts';
import {
  bitDepth,
  clockwise,
  codecOf,
  colorOf,
  creationTimeOf,
  hdrOf,
  isInterlaced,
  isText,
  isVariable,
  languageOf,
  locationOf,
  oneLine,
  type ProbeStream,
  stretch,
} from './streams.ts';

/** Facts from ffprobe's output and the packets. `decodable`: the codecs this ffmpeg decodes; `bytes`: of the file. */
export function assembleFacts(
  source: Probed,
  { decodable, bytes }: { decodable: ReadonlySet<string>; bytes: number },
): MediaFacts {
  const { output, main, lines } = source;
  const streams = output.streams ?? [];
  const line = lines.get(main.index) ?? {
    packets: 0,
    hidden: 0,
    bytes: 0,
    startS: 0,
    endS: 0,
    minGapS: 0,
    maxGapS: 0,
    jumpsBack: 0,
    cuts: [],
  };
  const durationS = line.endS - line.startS;
  const audio = streams.filter(stream => stream.codec_type === 'audio');
  const subtitles = streams.filter(stream => stream.codec_type === 'subtitle');
  const tags = output.format?.tags ?? {};
  return {
    container: output.format?.format_name ?? '',
    bytes,
    durationS,
    startS: line.startS,
    clockJumps: line.jumpsBack,
    video: videoTrack(main, line, durationS),
    audio: audio
      .filter(stream => lines.has(stream.index))
      .map(stream => audioTrack(stream, lines.get(stream.index), decodable)),
    subtitles: subtitles.filter(stream => lines.has(stream.index)).map(subtitleTrack),
    inventory: inventory(source),
    chapters: output.chapters?.length ?? 0,
    cuts: line.cuts,
    creationTime: creationTimeOf(output, main),
    location: locationOf(output),
    tags: shortTags(tags),
    tagBytes: Object.entries(tags).reduce(
      (sum, [key, value]) => sum + key.length + Buffer.byteLength(String(value)),
      0,
    ),
  };
}

/** Facts are kept in the journal: no lyrics, no embedded documents. */
function shortTags(tags: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tags)
      .slice(0, 50)
      .map(([key, value]) => [key.slice(0, 100), String(value).slice(0, 300)]),
  );
}

function videoTrack(stream: ProbeStream, line: Timeline, durationS: number): VideoTrack {
  const width = stream.width ?? 0;
  const height = stream.height ?? 0;
  const rotation = clockwise(stream);
  const sampleAspect = stretch(stream);
  const squareWidth = Math.round(width * sampleAspect);
  const turned = rotation === 90 || rotation === 270;
  return {
    index: stream.index,
    codec: stream.codec_name ?? 'unknown',
    profile: stream.profile,
    width,
    height,
    displayWidth: turned ? height : squareWidth,
    displayHeight: turned ? squareWidth : height,
    rotation,
    sampleAspect,
    pixelFormat: stream.pix_fmt ?? 'unknown',
    bitDepth: bitDepth(stream),
    fps: durationS > 0 ? line.packets / durationS : 0,
    variableFrameRate: isVariable(stream, line),
    frames: line.packets,
    hiddenFrames: line.hidden,
    bytes: line.bytes,
    interlaced: isInterlaced(stream),
    hdr: hdrOf(stream),
    color: colorOf(stream),
  };
}

function audioTrack(stream: ProbeStream, line: Timeline | undefined, decodable: ReadonlySet<string>): AudioTrack {
  const lengthS = line ? line.endS - line.startS : 0;
  return {
    index: stream.index,
    codec: codecOf(stream),
    isDecodable: decodable.has(stream.codec_name ?? ''),
    channels: stream.channels ?? 0,
    layout: stream.channel_layout,
    sampleRate: Number(stream.sample_rate) || 0,
    bitrate: line && lengthS > 0 ? Math.round((line.bytes * 8) / lengthS) : undefined,
    bytes: line?.bytes ?? 0,
    lengthS: lengthS > 0 ? lengthS : undefined,
    startS: seconds(stream.start_time) ?? line?.startS ?? 0,
    language: languageOf(stream),
    title: oneLine(stream.tags?.['title']),
  };
}

function subtitleTrack(stream: ProbeStream): SubtitleTrack {
  const codec = codecOf(stream);
  return { index: stream.index, codec, text: isText(codec), language: languageOf(stream) };
}

function seconds(text: string | undefined): number | undefined {
  const value = Number(text);
  return text === undefined || !Number.isFinite(value) ? undefined : value;
}
