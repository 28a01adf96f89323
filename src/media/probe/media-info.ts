import type { AudioTrack, MediaFacts, SubtitleTrack, VideoTrack } from '../../core/media-info.ts';
import { inventory } from '../inventory/inventory.ts';
import type { Probed } from '../inventory/probed.ts';
import type { Look } from './look.ts';
import { NO_PACKETS, type Timeline } from './packets.ts';
import {
  bitDepth,
  chaptersOf,
  clockwise,
  codecOf,
  colorOf,
  creationTimeOf,
  hdrOf,
  isText,
  isVariable,
  languageOf,
  locationOf,
  oneLine,
  type ProbeStream,
  stretch,
  ticksPerS,
} from './streams.ts';

/** Facts from ffprobe's output and the packets. `decodable`: the codecs this ffmpeg decodes; `bytes`: of the file. */
export function assembleFacts(
  source: Probed,
  { decodable, bytes }: { decodable: ReadonlySet<string>; bytes: number },
): MediaFacts {
  const { output, main, lines, look } = source;
  const streams = output.streams ?? [];
  const line = lines.get(main.index) ?? NO_PACKETS;
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
    runsS: line.runsS,
    video: videoTrack(main, look, line, durationS),
    audio: audio
      .filter(stream => lines.has(stream.index))
      .map(stream => audioTrack(stream, lines.get(stream.index), decodable)),
    subtitles: subtitles.filter(stream => lines.has(stream.index)).map(subtitleTrack),
    inventory: inventory(source),
    chapters: chaptersOf(output, main, lines).inFilm,
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

function videoTrack(stream: ProbeStream, look: Look, line: Timeline, durationS: number): VideoTrack {
  const width = stream.width ?? 0;
  const height = stream.height ?? 0;
  const rotation = clockwise(stream);
  const sampleAspect = stretch(stream);
  const { width: squareWidth, height: squareHeight } = look.shapes ?? {
    width: Math.round(width * sampleAspect),
    height,
  };
  const turned = rotation === 90 || rotation === 270;
  return {
    index: stream.index,
    codec: stream.codec_name ?? 'unknown',
    profile: stream.profile,
    width,
    height,
    displayWidth: turned ? squareHeight : squareWidth,
    displayHeight: turned ? squareWidth : squareHeight,
    shapeChanges: look.shapes?.changes ?? 0,
    rotation,
    sampleAspect,
    pixelFormat: stream.pix_fmt ?? 'unknown',
    bitDepth: bitDepth(stream),
    fps: durationS > 0 ? line.packets / durationS : 0,
    variableFrameRate: isVariable(stream, line),
    frames: line.packets,
    hiddenFrames: line.hidden,
    ...(line.untimed > 0 && { untimedFrames: line.untimed }),
    lastFrameS: line.endS - line.lastS,
    ticksPerS: ticksPerS(stream),
    bytes: line.bytes,
    interlaced: look.interlaced,
    unsaidFields: look.unsaidFields,
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
    ...(line?.isCut && { isCut: true }),
    startS: seconds(stream.start_time) ?? line?.startS ?? 0,
    language: languageOf(stream),
    title: oneLine(stream.tags?.['title']),
  };
}

function subtitleTrack(stream: ProbeStream): SubtitleTrack {
  const codec = codecOf(stream);
  const roles = ROLES.filter(role => stream.disposition?.[role] === 1);
  return {
    ...{ index: stream.index, codec, text: isText(codec), language: languageOf(stream) },
    ...(roles.length > 0 && { roles }),
  };
}

/** Those that every ffmpeg knows and MP4 has a place for. */
const ROLES = [
  'default',
  'forced',
  'hearing_impaired',
  'visual_impaired',
  'comment',
  'captions',
  'descriptions',
  'dub',
];

function seconds(text: string | undefined): number | undefined {
  const value = Number(text);
  return text === undefined || !Number.isFinite(value) ? undefined : value;
}
