interface In {
  file: string;
}
interface Codec {
  codec: string;
}
/** A track in a few words: `aac, stereo, eng`. */
interface Track {
  track: string;
}

export const MEDIA_EN = {
  'media.doing-probe': ({ file }: In) => `reading ${file}`,
  'media.doing-scan': ({ file }: In) => `reading through ${file}`,
  'media.doing-split': 'cutting the file into parts',
  'media.doing-join-parts': 'joining the parts',
  'media.doing-find-ffmpeg': 'looking for ffmpeg',
  'media.doing-ask': ({ program }: { program: string }) => `asking ${program} what it can do`,
  'media.doing-ask-svt-av1': 'asking for the version of SVT-AV1',

  'media.copy-again-hint': 'Copy or export it again.',
  'media.export-again-hint': 'Copy or export it again; a player that still shows it may be able to save a new copy.',
  'media.scale-down-hint': 'Scale it down with another program first.',
  'media.newer-ffmpeg-hint': 'A newer ffmpeg may support it.',

  'media.empty': ({ file }: In) => `${file} is empty (0 bytes)`,
  'media.playlist': ({ file, what }: In & { what: string }) =>
    `${file} is not a video: it is ${what}, a list of other files, which is never followed`,
  'media.not-a-video': ({ file, what }: In & { what: string }) => `${file} is not a video: it is ${what}`,
  'media.looks-picture': ({ format }: { format: string }) => `a picture (${format})`,
  'media.looks-sound': ({ format }: { format: string }) => `sound (${format})`,
  'media.looks-document': ({ format }: { format: string }) => `a document (${format})`,
  'media.looks-archive': ({ format }: { format: string }) => `an archive (${format})`,
  'media.looks-zip': 'an archive or document (ZIP)',
  'media.looks-program': 'a program',
  'media.looks-web-page': 'a web page',
  'media.looks-text': 'text',
  'media.looks-zeros': 'nothing but zeros (a copy that was never filled in)',
  'media.looks-hls': 'an HLS playlist',
  'media.looks-ffconcat': 'an ffconcat list',
  'media.looks-dash': 'a DASH playlist',
  'media.looks-playlist': 'a playlist',
  'media.looks-sdp': 'a session description (SDP)',

  'media.too-much-memory': ({ file }: In) => `${file} needs more memory to be opened than any real video does`,
  'media.opens-too-slowly': ({ file }: In) => `${file} takes far too long to open`,
  'media.no-index': ({ file }: In) =>
    `${file} is incomplete: its index (moov) is missing, so the recording or copy did not finish`,
  'media.format-not-accepted': ({ file }: In) => `${file} is not a video in an accepted format`,
  'media.unrecognisable': ({ file }: In) => `${file} is not a video, or is damaged beyond recognition`,
  'media.cannot-read': ({ file }: In) => `${file} cannot be read`,
  'media.gone': ({ file }: In) => `${file} is no longer there`,
  'media.disk-unavailable': ({ file }: In) => `${file} could not be read from its disk or share`,
  'media.end-missing': ({ file }: In) => `${file} is incomplete: its end is missing`,
  'media.too-many-pixels': ({ file }: In) => `${file} has frames larger than 8192x8192, which no camera records`,
  'media.too-many-frames': ({ file, fps }: In & { fps: number }) =>
    `${file} claims ${Math.round(fps)} frames per second, which no camera records`,
  'media.claims-too-much': ({ file }: In) => `${file} claims more frames than a file of its size can hold`,
  'media.sound-only': ({ file }: In) => `${file} has sound but no moving picture`,
  'media.no-picture': ({ file }: In) => `${file} has no picture in it`,
  'media.single-picture': ({ file }: In) => `${file} lasts 0 seconds: it holds a single picture, not a video`,
  'media.picture-with-sound': ({ file, seconds }: In & { seconds: number }) =>
    `${file} is one picture with ${Math.round(seconds)} s of sound: there is no film to make smaller`,
  'media.copy-protected': ({ file, how }: In & { how: string }) =>
    `${file} is copy-protected (DRM, ${how}): nobody without its key can see it`,
  'media.copy-protected-hint': 'Ask whoever sold or sent it for a copy without protection.',
  'media.no-frames': ({ file }: In) => `${file} has a picture track without a single frame`,
  'media.not-described': ({ file }: In) => `ffprobe cannot describe ${file}`,
  'media.cannot-decode': ({ file, codec }: In & Codec) => `this ffmpeg cannot decode the format of ${file} (${codec})`,
  'media.header-missing': ({ file, codec }: In & Codec) =>
    `${file} begins in the middle: the header that its picture (${codec}) needs is missing`,
  'media.keyframes-too-far-apart': 'the file cannot be cut into small enough parts: its keyframes are too far apart',
  'media.keyframes-too-far-apart-hint': 'Set nemo.oversize to local, or compress the file first.',

  'media.track-silent': ({ codec }: Codec) => `sound track without sound (${codec})`,
  'media.track-cover': ({ codec }: Codec) => `cover art (${codec})`,
  'media.track-other-picture': ({ codec }: Codec) => `another picture track (${codec})`,
  'media.track-attachment': ({ name }: { name: string }) => `attachment (${name})`,
  'media.track-telemetry': ({ tag }: { tag: string }) => `telemetry (${tag})`,
  'media.track-camera-metadata': ({ tag }: { tag: string }) => `camera metadata (${tag})`,
  'media.track-time-code': ({ tag }: { tag: string }) => `time code (${tag})`,
  'media.track-camera-data': ({ tag }: { tag: string }) => `camera data (${tag})`,
  'media.track-streaming-hints': ({ tag }: { tag: string }) => `streaming hints (${tag})`,
  'media.track-data': ({ tag }: { tag: string }) => `data (${tag})`,

  'media.has-picture': ({ codec }: Codec) => `picture (${codec})`,
  'media.has-sound': ({ track }: Track) => `sound track (${track})`,
  'media.has-subtitles': ({ track }: Track) => `subtitles (${track})`,
  'media.has-bitmap-subtitles': ({ track }: Track) => `subtitles made of pictures (${track})`,
  'media.has-track-title': ({ title }: { title: string }) => `track name (${title})`,
  'media.has-captions': 'captions in the picture (CEA-608)',
  'media.has-rotation': ({ degrees }: { degrees: number }) => `turned by ${degrees} degrees`,
  'media.has-mirroring': 'mirrored',
  'media.has-sample-aspect': ({ aspect }: { aspect: string }) => `pixels ${aspect} times as wide as high`,
  'media.has-full-range': 'full colour range (0 to 255)',
  'media.has-colour': ({ colour }: { colour: string }) => `colours (${colour})`,
  'media.has-depth': ({ depth }: { depth: string }) => `colour depth (${depth})`,
  'media.has-hdr': ({ hdr }: { hdr: string }) => `HDR (${hdr})`,
  'media.has-dolby-vision': ({ profile }: { profile: string }) => `Dolby Vision (profile ${profile})`,
  'media.has-projection': ({ projection }: { projection: string }) => `360-degree view (${projection})`,
  'media.has-stereo': ({ views }: { views: string }) => `3D (${views})`,
  'media.has-second-eye': 'a second eye (MV-HEVC)',
  'media.has-alpha': 'transparency',
  'media.has-interlacing': 'interlaced',
  'media.has-cadence': 'variable frame rate',
  'media.has-hidden-frames': ({ frames }: { frames: number }) =>
    frames === 1 ? 'one frame hidden by an edit list' : `${frames} frames hidden by an edit list`,
  'media.has-chapters': ({ count }: { count: number }) => (count === 1 ? 'one chapter' : `${count} chapters`),
  'media.has-date': ({ date }: { date: string }) => `date (${date})`,
  'media.has-place': 'place of filming',
  'media.has-tag': ({ name }: { name: string }) => `tag (${name})`,

  'media.program-not-found': ({ program }: { program: string }) => `${program} was not found`,
  'media.keeps-descriptors': ({ programs }: { programs: string }) =>
    `${programs}: a program in ffmpeg's place has to hand on the open file it gets (descriptor 3), and this one doesn't`,
  'media.program-broken': ({ program, why }: { program: string; why: string }) => `${program} does not work: ${why}`,
  'media.ffmpeg-lacks': ({ program, version, what }: { program: string; version: string; what: string }) =>
    `${program} (${version}) ${what}`,
  // The install commands of the README's quick start, in one line.
  'media.install-hint':
    'Install it: Debian/Ubuntu `sudo apt install ffmpeg`, Fedora `sudo dnf install ffmpeg --allowerasing` (from RPM Fusion), ' +
    'macOS `brew install ffmpeg`, Alpine `apk add ffmpeg`; elsewhere see ffmpeg.org/download, or set local.ffmpeg and local.ffprobe.',
  'media.lacks-h264': 'cannot encode H.264: it was built without libx264 (as Fedora’s ffmpeg-free is)',
  'media.lacks-aac': 'cannot encode AAC sound',
  'media.lacks-mp4': 'cannot read MP4',
  'media.lacks-option': ({ option }: { option: string }) => `is too old: it lacks -${option}; 4.4 or newer is needed`,
  'media.lacks-encoder': ({ version, encoder }: { version: string; encoder: string }) =>
    `this ffmpeg (${version}) was built without ${encoder}`,
  'media.old-svt-av1': ({ version, svtAv1, least }: { version: string; svtAv1: string; least: number }) =>
    `this ffmpeg (${version}) has SVT-AV1 ${svtAv1 || 'of an unknown version'}; ${least}.0 or newer is needed`,
};
