import type { AudioTrack, MediaFacts, VideoTrack } from '../../../src/core/media-info.ts';

/** A minute of 720p H.264 with stereo AAC, 20 MB; tests change what they are about. */
export function facts(changes: Partial<Omit<MediaFacts, 'video'>> & { video?: Partial<VideoTrack> } = {}): MediaFacts {
  const { video, ...rest } = changes;
  return {
    container: 'mov,mp4,m4a,3gp,3g2,mj2',
    bytes: 20_000_000,
    durationS: 60,
    startS: 0,
    clockJumps: 0,
    video: {
      index: 0,
      codec: 'h264',
      profile: 'High',
      width: 1280,
      height: 720,
      displayWidth: 1280,
      displayHeight: 720,
      shapeChanges: 0,
      rotation: 0,
      sampleAspect: 1,
      pixelFormat: 'yuv420p',
      bitDepth: 8,
      fps: 30,
      variableFrameRate: false,
      frames: 1_800,
      hiddenFrames: 0,
      lastFrameS: 1 / 30,
      ticksPerS: 90_000,
      bytes: 19_000_000,
      interlaced: false,
      hdr: 'sdr',
      color: {},
      ...video,
    },
    audio: [audioTrack()],
    subtitles: [],
    inventory: [],
    chapters: 0,
    cuts: [],
    creationTime: undefined,
    location: undefined,
    tags: {},
    tagBytes: 0,
    ...rest,
  };
}

export function audioTrack(changes: Partial<AudioTrack> = {}): AudioTrack {
  return {
    index: 1,
    codec: 'aac',
    isDecodable: true,
    layout: 'stereo',
    channels: 2,
    sampleRate: 48_000,
    bitrate: 128_000,
    bytes: 960_000,
    lengthS: 60,
    startS: 0,
    language: undefined,
    title: undefined,
    ...changes,
  };
}
