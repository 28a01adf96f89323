import { formatBytes } from '../../core/units.ts';
import { formatClock } from '../../core/trim.ts';
import type { Translation } from '../catalogue.ts';
import type { MEDIA_EN } from '../en/media.ts';

export const MEDIA_ZH = {
  'media.doing-probe': ({ file }) => `读取 ${file}`,
  'media.doing-scan': ({ file }) => `通读 ${file}`,
  'media.doing-split': '将文件切分成多个部分',
  'media.doing-join-parts': '合并各部分',
  'media.doing-find-ffmpeg': '查找 ffmpeg',
  'media.doing-ask': ({ program }) => `查询 ${program} 支持的功能`,
  'media.doing-ask-svt-av1': '查询 SVT-AV1 的版本',

  'media.doing-try-hardware': ({ encoder }) => `试用 ${encoder}`,

  'media.hardware-works': ({ encoder, modes }) => `${encoder} 可用（${modes}）`,
  'media.hardware-quality-only': ({ encoder, modes }) => `${encoder} 可用，但这里的驱动不接受码率（只有 ${modes}）`,
  'media.hardware-quality-only-hint':
    '目标大小靠试用不同的质量来达到，达不到时由处理器完成。其他驱动也许接受码率（Intel：intel-media-va-driver-non-free）。',
  'media.hardware-not-built': ({ program, kind }) => `${program} 编译时没有加入 ${kind}`,
  'media.hardware-not-built-hint': '请将 local.hardware 设为其他方式，或将 local.ffmpeg 设为带有它的版本。',
  'media.hardware-no-device': ({ device }) => `没有 ${device}`,
  'media.hardware-no-device-hint': ({ device, where }) =>
    where === 'container'
      ? `请把它交给容器：在 compose.yaml 中写 devices: ["/dev/dri:/dev/dri"]；如果不是 ${device}，请设置 local.device。`
      : '如果本机有显卡，请安装其驱动或设置 local.device。系统服务只有在 PrivateDevices=no 时才能看到它：docs/hardware.md。',
  'media.hardware-denied': ({ device, user }) => `${user} 无权打开 ${device}`,
  'media.hardware-denied-hint': ({ device }) =>
    `请把它交给一个组并给予权限：sudo chgrp render ${device} && sudo chmod 660 ${device}`,
  'media.hardware-denied-group': ({ device, user, gid, group }) =>
    `${user} 无权打开 ${device}，它属于组 ${group === undefined ? gid : `${group}（${gid}）`}`,
  'media.hardware-group': ({ user, gid, group }) =>
    group === undefined
      ? `sudo groupadd -g ${gid} gpu${gid} && sudo usermod -aG gpu${gid} ${user}，然后重新启动。`
      : `sudo usermod -aG ${group} ${user}，然后重新启动。`,
  'media.hardware-group-in-container': ({ gid }) =>
    `在 compose.yaml 中写 group_add: ["${gid}"]，或用 --group-add ${gid}。`,
  'media.hardware-no-driver': ({ encoder, said }) => `${encoder}：显卡没有驱动（${said}）`,
  'media.hardware-driver-hint': ({ kind }) =>
    kind === 'nvenc'
      ? '请安装 NVIDIA 的驱动及其编码库；容器还需要 NVIDIA Container Toolkit。'
      : kind === 'rkmpp'
        ? '请使用板卡厂商的内核和带有 rkmpp 的 ffmpeg；其他内核没有 /dev/mpp_service。'
        : 'Intel：apt install intel-media-va-driver-non-free（较旧的：i965-va-driver-shaders）。AMD：apt install mesa-va-drivers。',
  'media.hardware-cannot': ({ encoder, said }) => `${encoder}：此显卡或其驱动无法这样编码（${said}）`,
  'media.hardware-cannot-hint': ({ kind }) =>
    kind === 'nvenc'
      ? '并非每块显卡都能做到。改由处理器完成。'
      : '对于较旧的 Intel 芯片，自由驱动只能解码：apt install intel-media-va-driver-non-free。否则由处理器完成。',
  'media.hardware-hangs': ({ encoder, ms }) => `${encoder} 在 ${Math.round(ms / 1000)} 秒内未能编码一秒的画面`,
  'media.hardware-failed': ({ encoder, said }) => `${encoder} 失败：${said}`,
  'media.hardware-failed-hint': '改由处理器完成。也许其他 local.hardware 可用。',

  'media.copy-again-hint': '请重新复制或导出。',
  'media.export-again-hint': '请重新复制或导出；仍能播放它的播放器也许可以另存一份。',
  'media.scale-down-hint': '请先用其他程序缩小画面。',
  'media.newer-ffmpeg-hint': '更新版本的 ffmpeg 也许支持它。',

  'media.empty': ({ file }) => `${file} 是空文件（0 字节）`,
  'media.playlist': ({ file, what }) => `${file} 不是视频：它是${what}，即其他文件的列表，不会被跟随`,
  'media.not-a-video': ({ file, what }) => `${file} 不是视频：它是${what}`,
  'media.looks-picture': ({ format }) => `图片（${format}）`,
  'media.looks-animation': ({ format }) => `动态图片（${format}），shrinkbox 无法读取`,
  'media.looks-sound': ({ format }) => `音频（${format}）`,
  'media.looks-document': ({ format }) => `文档（${format}）`,
  'media.looks-archive': ({ format }) => `压缩包（${format}）`,
  'media.looks-zip': '压缩包或文档（ZIP）',
  'media.looks-program': '程序',
  'media.looks-web-page': '网页',
  'media.looks-text': '文本',
  'media.looks-zeros': '全是零的内容（从未写入数据的复制文件）',
  'media.looks-hls': 'HLS 播放列表',
  'media.looks-ffconcat': 'ffconcat 列表',
  'media.looks-dash': 'DASH 播放列表',
  'media.looks-playlist': '播放列表',
  'media.looks-sdp': '会话描述（SDP）',

  'media.too-much-memory': ({ file }) => `打开 ${file} 需要的内存超过任何正常视频`,
  'media.opens-too-slowly': ({ file }) => `打开 ${file} 耗时过长`,
  'media.no-index': ({ file }) => `${file} 不完整：缺少索引（moov），录制或复制没有完成`,
  'media.format-not-accepted': ({ file, format }) =>
    `${file} 不是可接受格式的视频${format === undefined ? '' : `（ffmpeg 称之为 ${format}）`}`,
  'media.raw-stream-hint': '它的画面没有时间信息：请先把它放入 MP4 或 Matroska 文件。',
  'media.unrecognisable': ({ file }) => `${file} 不是视频，或已损坏到无法识别`,
  'media.damaged-container': ({ file, format }) => `${file} 的开头是 ${format}，但文件已损坏：ffmpeg 在其中找不到视频`,
  'media.cannot-read': ({ file }) => `无法读取 ${file}`,
  'media.gone': ({ file }) => `${file} 已不存在`,
  'media.disk-unavailable': ({ file }) => `无法从磁盘或共享读取 ${file}`,
  'media.end-missing': ({ file }) => `${file} 不完整：缺少结尾`,
  'media.too-many-pixels': ({ file, width, height }) =>
    `${file} 的画面${width && height ? `有 ${width}x${height} 像素` : '像素过多'}；最多接受 6700 万像素（8192x8192）`,
  'media.too-many-frames': ({ file, fps }) => `${file} 声称每秒 ${Math.round(fps)} 帧，没有摄像机会这样录制`,
  'media.claims-too-much': ({ file }) => `${file} 声称的帧数超过这种大小的文件所能容纳的数量`,
  'media.sound-only': ({ file }) => `${file} 只有声音，没有活动画面`,
  'media.no-picture': ({ file }) => `${file} 中没有画面`,
  'media.single-picture': ({ file }) => `${file} 时长为 0 秒：只有一张图片，不是视频`,
  'media.picture-with-sound': ({ file, seconds }) =>
    `${file} 只是一张图片加 ${Math.round(seconds)} 秒声音：没有可以压缩的视频`,
  'media.copy-protected': ({ file, how }) => `${file} 受版权保护（DRM，${how}）：没有密钥就无法观看`,
  'media.copy-protected-hint': '请向出售或发送该文件的人索取没有保护的副本。',
  'media.several-films': '这个文件里有首尾相接的两段影片；结果只会包含其中一段，或把两段混在一起',
  'media.several-films-hint': ({ at, from }) =>
    `请把它们分开：head -c ${at} 文件 得到第一段，tail -c +${from} 文件 得到另一段。`,
  'media.nothing-in-part': ({ file, part, durationS }) =>
    `${file} 中没有所要求的片段（${part}）：全长只有 ${formatClock(durationS)}`,
  'media.part-hint': ({ durationS }) => `请要求 0:00 到 ${formatClock(durationS)} 之间的片段，或整个视频。`,
  'media.part-too-short': ({ file }) => `${file} 中所要求的片段不足两帧`,
  'media.part-short-hint': '请要求更长的片段。',
  'media.untimed': ({ file, pictures, all }) =>
    `${file} 的 ${all} 个画面中有 ${pictures} 个没有显示时间：它的时钟可能从零之前开始`,
  'media.part-untimed': ({ file }) => `${file} 的画面没有时间信息，无法准确截取片段`,
  'media.part-untimed-hint': '请要求整个视频，或先将其转换为 MP4。',
  'media.no-frames': ({ file }) => `${file} 的视频轨中一帧也没有`,
  'media.not-described': ({ file }) => `ffprobe 无法描述 ${file}`,
  'media.cannot-decode': ({ file, codec }) => `此 ffmpeg 无法解码 ${file} 的格式（${codec}）`,
  'media.header-missing': ({ file, codec }) => `${file} 从中间开始：缺少其画面（${codec}）所需的头信息`,
  'media.keyframes-too-far-apart': '无法将文件切分成足够小的部分：关键帧间隔太大',
  'media.keyframes-too-far-apart-hint': '请将 nemo.oversize 设为 local，或先压缩该文件。',

  'media.track-silent': ({ codec }) => `没有声音的音轨（${codec}）`,
  'media.track-textless': ({ codec }) => `空的字幕（${codec}）`,
  'media.track-cover': ({ codec }) => `封面图片（${codec}）`,
  'media.track-other-picture': ({ codec }) => `另一条视频轨（${codec}）`,
  'media.track-attachment': ({ name }) => `附件（${name}）`,
  'media.track-telemetry': ({ tag }) => `遥测数据（${tag}）`,
  'media.track-camera-metadata': ({ tag }) => `相机元数据（${tag}）`,
  'media.track-time-code': ({ tag }) => `时间码（${tag}）`,
  'media.track-camera-data': ({ tag }) => `相机数据（${tag}）`,
  'media.track-streaming-hints': ({ tag }) => `流媒体提示（${tag}）`,
  'media.track-data': ({ tag }) => `数据（${tag}）`,

  'media.has-picture': ({ codec }) => `画面（${codec}）`,
  'media.has-sound': ({ track }) => `音轨（${track}）`,
  'media.has-subtitles': ({ track }) => `字幕（${track}）`,
  'media.has-bitmap-subtitles': ({ track }) => `图像字幕（${track}）`,
  'media.has-track-title': ({ title }) => `轨道名称（${title}）`,
  'media.has-captions': '画面内的隐藏字幕（CEA-608）',
  'media.has-rotation': ({ degrees }) => `旋转 ${degrees} 度`,
  'media.has-mirroring': '镜像',
  'media.has-sample-aspect': ({ aspect }) => `像素宽高比 ${aspect}`,
  'media.has-shapes': ({ sizes }) => `中途改变尺寸的画面（${sizes}）`,
  'media.has-full-range': '全色彩范围（0 到 255）',
  'media.has-colour': ({ colour }) => `色彩（${colour}）`,
  'media.has-depth': ({ depth }) => `色深（${depth}）`,
  'media.has-hdr': ({ hdr }) => `HDR（${hdr}）`,
  'media.has-dolby-vision': ({ profile }) => `杜比视界（profile ${profile}）`,
  'media.has-projection': ({ projection }) => `360 度全景（${projection}）`,
  'media.has-stereo': ({ views }) => `3D（${views}）`,
  'media.has-second-eye': '第二只眼的画面（MV-HEVC）',
  'media.has-alpha': '透明',
  'media.has-interlacing': '隔行',
  'media.has-cadence': '可变帧率',
  'media.has-early-sound': ({ seconds }) => `比画面早 ${seconds.toFixed(2)} 秒开始的声音`,
  'media.has-last-picture': ({ seconds }) => `停留 ${seconds.toFixed(2)} 秒的最后一帧画面`,
  'media.has-hidden-frames': ({ frames }) => `编辑列表隐藏的 ${frames} 帧`,
  'media.has-chapters': ({ count }) => `${count} 个章节`,
  'media.has-chapters-before': ({ count }) => `${count} 个在影片开始之前就结束的章节`,
  'media.has-date': ({ date }) => `日期（${date}）`,
  'media.has-place': '拍摄地点',
  'media.has-unread': ({ bytes }) => `影片结尾之后的 ${formatBytes(bytes)}`,
  'media.has-tag': ({ name }) => `标签（${name}）`,

  'media.program-not-found': ({ program }) => `找不到 ${program}`,
  'media.keeps-descriptors': ({ programs }) =>
    `${programs}：代替 ffmpeg 的程序必须把收到的已打开文件（描述符 3）传下去，而它没有`,
  'media.program-broken': ({ program, why }) => `${program} 无法工作：${why}`,
  'media.ffmpeg-lacks': ({ program, version, what }) => `${program}（${version}）${what}`,
  'media.install-hint':
    '请安装：Debian/Ubuntu `sudo apt install ffmpeg`，Fedora `sudo dnf install ffmpeg --allowerasing`（来自 RPM Fusion），' +
    'macOS `brew install ffmpeg`，Alpine `apk add ffmpeg`；其他系统参见 ffmpeg.org/download，或设置 local.ffmpeg 和 local.ffprobe。',
  'media.lacks-h264': '无法编码 H.264：编译时没有包含 libx264（例如 Fedora 的 ffmpeg-free）',
  'media.lacks-aac': '无法编码 AAC 声音',
  'media.lacks-mp4': '无法读取 MP4',
  'media.lacks-option': ({ option }) => `版本太旧：缺少 -${option}；需要 4.4 或更新的版本`,
  'media.lacks-encoder': ({ version, encoder }) => `此 ffmpeg（${version}）编译时没有包含 ${encoder}`,
  'media.old-svt-av1': ({ version, svtAv1, least }) =>
    `此 ffmpeg（${version}）带有 SVT-AV1 ${svtAv1 || '（版本未知）'}；需要 ${least}.0 或更新的版本`,

  'media.short-of-hdr': '无法将 HDR 视频转换为适合普通屏幕的画面',
  'media.short-of-hdr-fix': '如果您有 HDR 视频，请安装带有 zscale（libzimg）的 ffmpeg。',
  'media.short-of-encoder': ({ codec, why }) => `无法写入 ${codec}：${why}`,
  'media.short-of-encoder-fix': ({ codec }) => `带有 codec: ${codec} 的规则会改用 H.264；其他规则不受影响。`,
  'media.short-of-readers': ({ names }) => `无法读取 ${names}：含有它的影片会被拒绝，或失去这一部分`,
  'media.short-of-readers-fix': '请安装带有全部解码器的 ffmpeg。',
  'media.short-of-bwdif': '使用 yadif 去隔行，运动边缘较粗糙：编译时没有包含 bwdif',
  'media.short-of-idet': '如果影片自身没有标明是隔行扫描，就无法识别：编译时没有包含 idet',
  'media.short-of-filter-fix': ({ filter }) => `如果您有隔行扫描的视频，请安装带有滤镜 ${filter} 的 ffmpeg。`,
  'media.short-of-5-1': '版本低于 5.1：无法识别镜像的影片和杜比视界，复制时会失去杜比视界，停留较久的最后一帧会被缩短',
  'media.short-of-5-1-fix': '请使用 ffmpeg 5.1 或更新的版本；Debian 12 和 Ubuntu 24.04 自带。',
  'media.short-of-chunks': 'MP4 文件的索引表会比必要的大：缺少 -chunk_duration',
  'media.short-of-chunks-fix': '无需处理；在很小的大小限制下，留给画面的空间会略少。',
} satisfies Translation<typeof MEDIA_EN>;
