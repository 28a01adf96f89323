import { formatBytes } from '../../core/units.ts';
import { formatClock } from '../../core/trim.ts';

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

  'media.doing-try-hardware': ({ encoder }: { encoder: string }) => `trying ${encoder}`,

  'media.hardware-works': ({ encoder, modes }: { encoder: string; modes: string }) => `${encoder} works (${modes})`,
  'media.hardware-quality-only': ({ encoder, modes }: { encoder: string; modes: string }) =>
    `${encoder} works, but its driver takes no bit rate here (only ${modes})`,
  'media.hardware-quality-only-hint':
    'Sizes are reached by trying qualities, and by the processor where that does not do. Another driver may take bit rates (of Intel: intel-media-va-driver-non-free).',
  'media.hardware-not-built': ({ program, kind }: { program: string; kind: string }) =>
    `${program} was built without ${kind}`,
  'media.hardware-not-built-hint': 'Set local.hardware to another way, or local.ffmpeg to a build that has it.',
  'media.hardware-no-device': ({ device }: { device: string }) => `there is no ${device}`,
  'media.hardware-no-device-hint': ({ device, where }: { device: string; where: string }) =>
    where === 'container'
      ? `Pass it to the container: devices: ["/dev/dri:/dev/dri"] in compose.yaml, or set local.device if it is another than ${device}.`
      : `If this machine has a graphics card, install its driver or set local.device. A service sees it only with PrivateDevices=no: docs/hardware.md.`,
  'media.hardware-denied': ({ device, user }: { device: string; user: string }) => `${user} may not open ${device}`,
  'media.hardware-denied-hint': ({ device }: { device: string }) =>
    `Give it to a group and its members the right: sudo chgrp render ${device} && sudo chmod 660 ${device}`,
  'media.hardware-denied-group': ({
    device,
    user,
    gid,
    group,
  }: {
    device: string;
    user: string;
    gid: number;
    group?: string;
  }) => `${user} may not open ${device}, which belongs to group ${group === undefined ? gid : `${group} (${gid})`}`,
  'media.hardware-group': ({ user, gid, group }: { user: string; gid: number; group?: string }) =>
    group === undefined
      ? `sudo groupadd -g ${gid} gpu${gid} && sudo usermod -aG gpu${gid} ${user}, and start it again.`
      : `sudo usermod -aG ${group} ${user}, and start it again.`,
  'media.hardware-group-in-container': ({ gid }: { gid: number }) =>
    `group_add: ["${gid}"] in compose.yaml, or --group-add ${gid}.`,
  'media.hardware-no-driver': ({ encoder, said }: { encoder: string; said: string }) =>
    `${encoder}: no driver for the graphics card (${said})`,
  'media.hardware-driver-hint': ({ kind }: { kind: string }) =>
    kind === 'nvenc'
      ? 'Install the driver of NVIDIA with its encode library; a container needs the NVIDIA Container Toolkit.'
      : kind === 'rkmpp'
        ? 'Use a kernel of the maker of the board and an ffmpeg with rkmpp; other kernels lack /dev/mpp_service.'
        : 'Of Intel: apt install intel-media-va-driver-non-free (older: i965-va-driver-shaders). Of AMD: apt install mesa-va-drivers.',
  'media.hardware-cannot': ({ encoder, said }: { encoder: string; said: string }) =>
    `${encoder}: this graphics card or its driver cannot encode that (${said})`,
  'media.hardware-cannot-hint': ({ kind }: { kind: string }) =>
    kind === 'nvenc'
      ? 'Not every card can. The processor does it instead.'
      : 'Of older Intel chips the free driver only decodes: apt install intel-media-va-driver-non-free. Else the processor does it.',
  'media.hardware-hangs': ({ encoder, ms }: { encoder: string; ms: number }) =>
    `${encoder} did not encode one second of picture in ${Math.round(ms / 1000)} s`,
  'media.hardware-failed': ({ encoder, said }: { encoder: string; said: string }) => `${encoder} failed: ${said}`,
  'media.hardware-failed-hint': 'The processor does it instead. Another local.hardware may work.',

  'media.copy-again-hint': 'Copy or export it again.',
  'media.export-again-hint': 'Copy or export it again; a player that still shows it may be able to save a new copy.',
  'media.scale-down-hint': 'Scale it down with another program first.',
  'media.newer-ffmpeg-hint': 'A newer ffmpeg may support it.',

  'media.empty': ({ file }: In) => `${file} is empty (0 bytes)`,
  'media.playlist': ({ file, what }: In & { what: string }) =>
    `${file} is not a video: it is ${what}, a list of other files, which is never followed`,
  'media.not-a-video': ({ file, what }: In & { what: string }) => `${file} is not a video: it is ${what}`,
  'media.looks-picture': ({ format }: { format: string }) => `a picture (${format})`,
  'media.looks-animation': ({ format }: { format: string }) =>
    `an animated picture (${format}), which shrinkbox cannot read`,
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
  'media.format-not-accepted': ({ file, format }: In & { format?: string }) =>
    `${file} is not a video in an accepted format${format === undefined ? '' : ` (ffmpeg calls it ${format})`}`,
  'media.raw-stream-hint': 'Its pictures have no times: put them into an MP4 or Matroska file first.',
  'media.unrecognisable': ({ file }: In) => `${file} is not a video, or is damaged beyond recognition`,
  'media.damaged-container': ({ file, format }: In & { format: string }) =>
    `${file} begins as ${format} does, but is damaged: ffmpeg finds no film in it`,
  'media.cannot-read': ({ file }: In) => `${file} cannot be read`,
  'media.gone': ({ file }: In) => `${file} is no longer there`,
  'media.disk-unavailable': ({ file }: In) => `${file} could not be read from its disk or share`,
  'media.end-missing': ({ file }: In) => `${file} is incomplete: its end is missing`,
  'media.too-many-pixels': ({ file, width, height }: In & { width?: number; height?: number }) =>
    `${file} has pictures ${width && height ? `of ${width}x${height} pixels` : 'with too many pixels'}; at most 67 million (8192x8192) are taken`,
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
  'media.several-films':
    'this file holds two films, one behind the other, and a result would hold only one of them, or mix them up',
  'media.several-films-hint': ({ at, from }: { at: number; from: number }) =>
    `Take them apart: head -c ${at} FILE makes the first, tail -c +${from} FILE the other.`,
  'media.nothing-in-part': ({ file, part, durationS }: In & { part: string; durationS: number }) =>
    `nothing of ${file} is in the part asked for (${part}): the video is ${formatClock(durationS)} long`,
  'media.part-hint': ({ durationS }: { durationS: number }) =>
    `Ask for a part between 0:00 and ${formatClock(durationS)}, or for all of it.`,
  'media.part-too-short': ({ file }: In) => `fewer than two pictures of ${file} are in the part asked for`,
  'media.part-short-hint': 'Ask for a longer part.',
  'media.untimed': ({ file, pictures, all }: In & { pictures: number; all: number }) =>
    `${pictures} of the ${all} pictures of ${file} do not say when they are shown: its clock may begin before zero`,
  'media.part-untimed': ({ file }: In) =>
    `the pictures of ${file} have no times, so no part of it can be cut out exactly`,
  'media.part-untimed-hint': 'Ask for all of it, or convert it to MP4 first.',
  'media.no-frames': ({ file }: In) => `${file} has a picture track without a single frame`,
  'media.not-described': ({ file }: In) => `ffprobe cannot describe ${file}`,
  'media.cannot-decode': ({ file, codec }: In & Codec) => `this ffmpeg cannot decode the format of ${file} (${codec})`,
  'media.header-missing': ({ file, codec }: In & Codec) =>
    `${file} begins in the middle: the header that its picture (${codec}) needs is missing`,
  'media.keyframes-too-far-apart': 'the file cannot be cut into small enough parts: its keyframes are too far apart',
  'media.keyframes-too-far-apart-hint': 'Set nemo.oversize to local, or compress the file first.',

  'media.track-silent': ({ codec }: Codec) => `sound track without sound (${codec})`,
  'media.track-textless': ({ codec }: Codec) => `empty subtitles (${codec})`,
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
  'media.has-shapes': ({ sizes }: { sizes: string }) => `a picture that changes shape (${sizes})`,
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
  'media.has-early-sound': ({ seconds }: { seconds: number }) =>
    `sound that begins ${seconds.toFixed(2)} s before the picture`,
  'media.has-last-picture': ({ seconds }: { seconds: number }) =>
    `a last picture that stays for ${seconds.toFixed(2)} s`,
  'media.has-hidden-frames': ({ frames }: { frames: number }) =>
    frames === 1 ? 'one frame hidden by an edit list' : `${frames} frames hidden by an edit list`,
  'media.has-chapters': ({ count }: { count: number }) => (count === 1 ? 'one chapter' : `${count} chapters`),
  'media.has-chapters-before': ({ count }: { count: number }) =>
    count === 1 ? 'one chapter that ends before the film begins' : `${count} chapters that end before the film begins`,
  'media.has-date': ({ date }: { date: string }) => `date (${date})`,
  'media.has-place': 'place of filming',
  'media.has-unread': ({ bytes }: { bytes: number }) => `${formatBytes(bytes)} behind the end of the film`,
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

  'media.short-of-hdr': 'cannot convert HDR videos for ordinary screens',
  'media.short-of-hdr-fix': 'If you have HDR videos, install an ffmpeg with zscale (libzimg).',
  'media.short-of-encoder': ({ codec, why }: { codec: string; why: string }) => `cannot write ${codec}: ${why}`,
  'media.short-of-encoder-fix': ({ codec }: { codec: string }) =>
    `Rules with codec: ${codec} fall back to H.264; other rules are not affected.`,
  'media.short-of-readers': ({ names }: { names: string }) =>
    `cannot read ${names}: films with it are refused or lose it`,
  'media.short-of-readers-fix': 'Install an ffmpeg with all decoders.',
  'media.short-of-bwdif': 'deinterlaces with yadif, whose moving edges are rougher: it was built without bwdif',
  'media.short-of-idet':
    'does not see that a film is interlaced where the film itself does not say so: it was built without idet',
  'media.short-of-filter-fix': ({ filter }: { filter: string }) =>
    `If you have interlaced videos, install an ffmpeg with the filter ${filter}.`,
  'media.short-of-5-1':
    'is older than 5.1: mirrored films and Dolby Vision are not recognized, a copy loses Dolby Vision, and a last picture that stays long is cut short',
  'media.short-of-5-1-fix': 'Use ffmpeg 5.1 or newer; Debian 12 and Ubuntu 24.04 have it.',
  'media.short-of-chunks': 'makes the tables of MP4 files larger than they need be: it lacks -chunk_duration',
  'media.short-of-chunks-fix': 'Nothing has to be done; a little less of a small size is left for the picture.',
};
