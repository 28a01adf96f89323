import { formatClock } from '../../core/trim.ts';
import { formatBitrate, formatBytes, formatDuration, formatLimit } from '../../core/units.ts';
import type { Translation } from '../catalogue.ts';
import type { LOCAL_EN } from '../en/local.ts';

function lengthsOf({ seconds, soundSeconds }: { seconds: number; soundSeconds?: number }): string {
  const picture = `${Math.round(seconds) || seconds.toFixed(2)} 秒画面`;
  return soundSeconds === undefined ? picture : `${picture}和 ${Math.round(soundSeconds)} 秒声音`;
}

export const LOCAL_ZH = {
  'local.and-more': ({ step, more }) => `${step}，另有 ${more} 个同时进行`,
  'local.progress': ({ step, speed }) => `${step}，${speed.toFixed(1)} 倍速`,
  'local.speed': ({ speed }) => `${speed.toFixed(1)} 倍速`,
  'local.checking-copy': '检查复制结果',
  'local.doing-picture': ({ step }) => `编码画面（${step}）`,
  'local.doing-lead-in': '解码到切点',
  'local.doing-join': '合并画面和声音',
  'local.doing-levels': '测量声音响度',
  'local.doing-sound': '编码声音',
  'local.doing-play-sound': '播放声音',
  'local.doing-fix-timestamps': '修正时间戳',
  'local.doing-copy': '复制到 MP4',
  'local.doing-check-copy': '完整播放复制结果',
  'local.doing-count': '统计能够解码的帧数',
  'local.doing-sample': '编码采样片段',
  'local.doing-compare': '与源文件比较',
  'local.removing': ({ path }) => `删除 ${path}`,
  'local.renaming': ({ path }) => `将完成的文件重命名为 ${path}`,

  'local.already-fits': ({ bytes, cap }) => `大小已符合要求：${formatBytes(bytes)}，上限 ${formatBytes(cap)}`,
  'local.fits-repackaged': ({ cap }) => `重新封装后不超过 ${formatBytes(cap)}`,
  'local.fits-but': ({ obstacles }) => `大小符合要求，但${obstacles}`,
  'local.must-shrink': ({ bytes, cap }) => `需要从 ${formatBytes(bytes)} 缩小到 ${formatBytes(cap)}`,
  'local.lossless-look-too-large': '视觉无损的结果会比源文件更大',
  'local.part-look-too-large': '视觉无损的结果会比源文件中的这一段大一倍以上',
  'local.lossless-look': '在视觉无损的前提下尽量小',
  'local.lossless-look-because': ({ reasons }) => `在视觉无损的前提下尽量小（${reasons}）`,
  'local.saves-too-little': ({ percent }) => `在没有可见损失的情况下重新编码，节省不到 ${percent} %`,
  'local.not-for-mp4': ({ codec }) => `MP4 播放器不支持 ${codec}`,
  'local.part-requested': '只要求保留一个片段',
  'local.codec-requested': ({ codec }) => `要求使用 ${codec}`,
  'local.size-requested': ({ width, height }) => `要求分辨率 ${width}x${height}`,
  'local.fps-requested': ({ fps }) => `要求每秒最多 ${fps} 帧`,
  'local.shape-changes': '画面尺寸中途改变，许多播放器会将其拉伸',
  'local.timestamps-jump': '时间戳出现回跳',
  'local.copy-refused': 'ffmpeg 无法将其复制到 MP4',
  'local.copy-too-large': '复制为 MP4 会超出允许的大小',
  'local.copy-does-not-open': '复制结果无法打开',
  'local.copy-differs': '复制结果与源文件不一致',
  'local.copy-out-of-order': '复制后的画面顺序会错乱',
  'local.source-damaged-spots': '源文件有损坏的地方',

  'local.how-copied': ({ why }) => `无损复制：${why}`,
  'local.how-copied-with-aac': ({ tracks, why }) => `无损复制，${tracks} 条音轨转换为 AAC：${why}`,
  'local.how-source-itself': ({ why }) => `原文件本身：${why}，重新封装反而会变大`,
  'local.how-encoded': ({ what, width, height, sound }) => `${what}，${width}x${height}，${sound}`,
  'local.how-one-pass': ({ crf }) => `视觉无损质量单遍编码（CRF ${crf}）`,
  'local.how-compared': ({ how, ssim }) => `${how}，${ssim}`,
  'local.how-ceiling': ({ crf }) => `单遍编码，视觉无损（CRF ${crf}）`,
  'local.how-lossless': ({ how }) => `${how}，视觉无损`,
  'local.how-unused': ({ how, bytes }) => `${how}；其余 ${formatBytes(bytes)} 用了也看不出差别`,
  'local.how-two-pass': passes => `两遍编码${landed(passes)}`,
  'local.how-hardware': passes => `${passes.encoder} 单遍编码${landed(passes)}`,
  'local.how-hardware-quality': ({ encoder }) => `${encoder} 单遍编码，视觉无损`,
  'local.how-av1': passes => {
    const { crf, toCrf } = passes;
    const ends = new Set([crf, toCrf].map(one => one.toFixed(1)));
    return `CRF ${[...ends].join(' 至 ')}${landed(passes)}`;
  },
  'local.ssim': ({ frames, mean, worst }) =>
    `抽样 ${frames} 帧的 SSIM 为 ${mean.toFixed(3)}，最差的 5 % 为 ${worst.toFixed(3)}`,
  'local.no-sound': '无声音',
  'local.sound-aac': sound => `声音 AAC ${soundRate(sound)}`,
  'local.sound-copied': sound => `声音保持不变（${soundRate(sound)}）`,
  'local.sound-tracks': ({ count, sound }) => `${count} 条音轨，第一条：${sound}`,

  'local.by-processor': ({ why }) => `由处理器编码：${why}`,
  'local.hardware-failed': ({ encoder, why }) => `${encoder} 失败（${why}）`,
  'local.hardware-missed': ({ encoder, shares }) => `${encoder} 未能达到目标大小（各次尝试：${shares}）`,
  'local.hardware-too-large': ({ encoder, cap }) => `${encoder} 达到该质量需要超过 ${formatBytes(cap)}`,
  'local.hardware-visible': ({ encoder }) => `${encoder} 的结果与源文件可以看出差别`,
  'local.hardware-wrong-picture': ({ encoder }) => `${encoder} 生成的画面与源文件不同`,
  'local.hardware-rejected': ({ encoder }) => `${encoder} 的结果没有通过校验`,
  'local.hardware-rests': ({ encoder, failures }) => `${encoder} 连续失败 ${failures} 次，一小时内不再使用`,
  'local.hardware-not-codec': ({ codec }) => `这里没有可用于 ${codec} 的硬件编码器`,
  'local.hardware-captions': '画面中带有隐藏字幕，硬件编码器会丢失它们',
  'local.hardware-no-quality': ({ encoder }) => `${encoder} 只接受码率，不能保持质量`,
  'local.hardware-brutal': ({ cap }) => `${formatBytes(cap)} 太小，硬件编码器会毁掉画面`,
  'local.hardware-floor': ({ cap }) => `用硬件编码器压到 ${formatBytes(cap)}，画面可能低于规则要求的质量下限`,
  'local.hardware-short': ({ encoder }) => `${encoder} 在这里不接受码率，而影片太短，无法混用不同的质量`,
  'local.hardware-by-steps': '在各部分之间混用整数级的质量',
  'local.h264-instead': ({ codec, why }) => `使用 H.264 代替所要求的 ${codec}：${why}`,
  'local.track-dropped': ({ track }) => `已去掉：${track}`,
  'local.sound-track-no-room': ({ track }) => `已去掉一条音轨，空间不够：${track || '未命名'}`,
  'local.bitmap-subtitles': ({ track }) => `已去掉字幕，它们是图像，MP4 无法容纳：${track}`,
  'local.subtitles-not-for-mp4': '已去掉字幕：无法转换为 MP4 可用的格式',
  'local.subtitles-lost-times': '已去掉字幕：其时间戳无法修正',
  'local.sound-damaged': '已去掉声音：已损坏，无法解码',
  'local.sound-outside-picture': '已去掉声音：画面持续期间没有声音',
  'local.sound-cut-before': ({ seconds, kept }) =>
    `已去掉：比画面早 ${kept.toFixed(0)} 秒以上的 ${seconds.toFixed(1)} 秒声音`,
  'local.last-picture-shorter': ({ seconds }) =>
    `最后一帧画面没有保持原有的 ${seconds.toFixed(1)} 秒：此 ffmpeg 无法写入，更新的版本可以`,
  'local.sound-may-drift': ({ seconds }) => `声音和画面可能相差最多 ${seconds.toFixed(1)} 秒：各段长度不一致`,
  'local.timestamps-fixed': ({ times }) => `时间戳重置了 ${times} 次；各段已合并到同一时间线`,
  'local.hdr-kept': 'HDR 亮度以 8 位保留，因为此 ffmpeg 无法转换（缺少 zscale）：部分播放器颜色会偏淡',
  'local.hdr-to-sdr': ({ hdr }) => `HDR（${hdr}）已转换为标准色彩，各处均可播放`,
  'local.differences-visible': '即使在此质量下，与源文件比较仍发现可能看得出的差别',
  'local.damaged-spots': '源文件有损坏的地方；解码器已尽量掩盖',
  'local.frames-lost': ({ frames }) => `源文件有 ${frames} 帧无法解码，结果中缺少这些帧`,
  'local.frames-lost-at-shapes': ({ frames }) => `画面尺寸变化处缺少 ${frames} 帧：ffmpeg 在那里丢弃了它们`,
  'local.hidden-frames-shown': ({ frames }) => `源文件末尾隐藏的 ${frames} 帧会显示出来`,
  'local.picture-smaller': ({ width, height, toWidth, toHeight }) =>
    `画面已缩小，从 ${width}x${height} 到 ${toWidth}x${toHeight}`,
  'local.re-encoded': ({ why }) => `已重新编码，因为${why}`,

  'local.becomes': ({ what }) => what,
  'local.sound-mixed': ({ from, layout, to }) =>
    `${layout === 'stereo' ? '立体声' : layout && layout !== 'unknown' ? layout : `${from} 声道`}声音已混缩为${to === 1 ? '单声道' : to === 2 ? '立体声' : ' 5.1'}${from > 2 ? '，响度大致不变' : ''}`,
  'local.becomes-aac': ({ channels }) =>
    `AAC，${channels === 1 ? '单声道' : channels === 2 ? '立体声' : `${channels} 声道`}`,
  'local.becomes-handler': '写入轨道的 handler 名称',
  'local.becomes-upright': '画面本身已转正',
  'local.becomes-square': '方形像素',
  'local.becomes-one-shape': ({ width, height }) => `统一放入 ${width}x${height}`,
  'local.becomes-limited-range': '常用范围（16 到 235），看起来相同',
  'local.becomes-8-bits': '8 位，4:2:0',
  'local.becomes-sdr': '标准色彩',
  'local.becomes-progressive': '逐行画面',
  'local.becomes-fewer-frames': ({ fps }) => `每秒最多 ${fps.toFixed(2)} 帧`,
  'local.becomes-those-of-part': '片段中的部分',
  'local.becomes-cut-off': '去掉，与播放器一致',
  'local.item-becomes': ({ what, how }) => `${what}：${how}`,
  'local.explain-kept': ({ items }) => `原样保留：${items}`,
  'local.explain-converted': ({ items }) => `转换：${items}`,

  'local.sound-undecodable': ({ codec }) => `已去掉一条音轨（${codec}）：此 ffmpeg 无法解码`,
  'local.sound-spoiled': '声音有损坏的地方；无法解码的部分是静音',
  'local.subtitles-outside-picture': '已去掉字幕：画面持续期间没有字幕',
  'local.subtitles-unstyled': ({ what }) => `${what}：保留文字，不保留字体、颜色和位置`,
  'local.captions-not-in-codec': ({ codec }) => `已去掉画面内的隐藏字幕：ffmpeg 不会将其写入 ${codec}；H.264 可以保留`,
  'local.captions-need-every-frame': '已去掉画面内的隐藏字幕：它们分布在所有帧中；保留每一帧才能保留字幕',
  'local.tags-dropped': ({ names }) => `已去掉 MP4 没有对应字段的标签（${names}）`,
  'local.chapters-dropped': ({ chapters, most }) => `已去掉全部 ${chapters} 个章节：超过 ${most} 个会占用过多空间`,
  'local.mark-dropped': ({ what }) => `已去掉标记“${what}”：ffmpeg 不会将其写入 MP4`,
  'local.depth-reduced': ({ depth }) => `色深从 ${depth} 降为 8 位、4:2:0，各处均可播放`,
  'local.second-eye-dropped': '已去掉此 3D 视频的第二只眼（MV-HEVC）；结果显示第一只眼的画面',
  'local.alpha-dropped': '已去掉透明：MP4 无法容纳',
  'local.unread-left-out': ({ what }) => `未包含${what}：ffmpeg 不会读取，多半是相机或剪辑软件自有的数据`,
  'local.deinterlaced': '已去隔行：源文件为半幅画面，结果为完整画面',
  'local.shapes-fitted': ({ what, width, height }) =>
    `${what}：各种尺寸都完整显示在 ${width}x${height} 中，必要时加黑边`,
  'local.interlaced-kept': '与源文件一样仍为隔行画面：电视和多数播放器会还原为完整画面，浏览器在运动处会显示梳状条纹',
  'local.dolby-vision-dropped': ({ profile }) => `已去掉杜比视界（profile ${profile}）；使用了其下各处均可播放的画面`,
  'local.dolby-vision-only': '其色彩为杜比视界 profile 5，只有杜比解码器才能转换为常用色彩：重新编码会变成绿色和紫色',
  'local.dolby-vision-hint': '请导出为 HDR10、HLG 或 SDR，或要求它原样就能放下的大小：这样会直接复制。',

  'local.gave-up-size': ({ cap, looks, needed, floor }) =>
    `没有压到 ${formatLimit(cap)}：那样画质会是“${looks}”；改为在看不出损失的前提下尽量小。大约从 ${formatBytes(needed)} 起画质${floor === 'good' ? '好' : '尚可'}`,
  'local.gave-up-unless': ({ gaveUp, cap }) => `${gaveUp}。写“不管画质”即可仍压到 ${formatLimit(cap)}`,
  'local.looks-at': ({ looks, width, height }) => `${looks}，${width}x${height}`,

  'local.damaged': ({ file, said }) => `${file} 已损坏：${said}`,
  'local.few-frames': ({ file, frames, of }) => `${file} 已损坏：${of} 帧中只有 ${frames} 帧可以解码`,
  'local.timestamps-broken': ({ file }) => `${file} 的时间戳无法修复`,
  'local.codec-worse': ({ source, codec }: { source: string; codec: string }) =>
    `它是 ${source}，比 ${codec} 更高效：重新编码只会更差或更大`,
  'local.would-lose': ({ what }: { what: string }) => `成品会缺少一些内容：${what}`,
  'local.no-way': '没有办法将此文件缩小到要求的大小',
  'local.refused': ({ file, why }) => `${file} 无法重新编码：${why}`,
  'local.cannot-encode': ({ codec, why }) => `无法编码 ${codec}：${why}`,
  'local.cannot-encode-hint': '在规则中设置 `codec: h264`，或安装带有该编码器的 ffmpeg。',
  'local.cannot-shrink-unseen': '在没有可见损失的情况下无法再缩小',
  'local.crowded': ({ file, cap, frames, needed }) =>
    `${file} 压不到 ${formatBytes(cap)}：共有 ${frames} 个画面，每个都要占几个字节，大约需要 ${formatBytes(needed)} 才能看`,
  'local.hopeless': p =>
    p.soundSeconds === undefined
      ? `${p.file} 压到 ${formatBytes(p.cap)} 会无法辨认：${lengthsOf(p)}大约需要 ${formatBytes(p.decent)} 才能看`
      : `${p.file} 压不到 ${formatBytes(p.cap)}：${lengthsOf(p)}大约需要 ${formatBytes(p.decent)} 才能看`,
  'local.hopeless-because': ({ hopeless, why }) => `${hopeless}（${why}）`,
  'local.hopeless-hint': ({ decent }) => `请要求至少 ${formatBytes(decent)}，或先剪短。`,
  'local.below-floor': p =>
    `${p.file} 压到 ${formatBytes(p.cap)} 画质会是“${p.looks}”：${lengthsOf(p)}大约需要 ${formatBytes(p.needed)} 画质才${p.floor === 'good' ? '好' : '尚可'}`,
  'local.below-floor-hint': ({ needed }) =>
    `请要求至少 ${formatBytes(needed)}，或先剪短，或写上“不管画质”（规则中为 floor: any）。`,
  'local.does-not-fit': ({ file, cap }) => `${file} 无法缩小到 ${formatBytes(cap)} 以内`,
  'local.too-large-after-all': ({ file, cap, smallest }) =>
    `${file} 无法缩小到 ${formatBytes(cap)} 以内：最小的结果为 ${formatBytes(smallest)}`,
  'local.larger-size-hint': '请要求更大的大小。',

  'local.explain-source': ({ bytes, seconds, width, height, codec, fps, variable, hdr }) =>
    `源文件：${formatBytes(bytes)}，${seconds.toFixed(1)} 秒，${width}x${height} ${codec}，每秒 ${fps.toFixed(2)} 帧` +
    `${variable ? '（可变）' : ''}${hdr === 'sdr' ? '' : `，HDR（${hdr}）`}`,
  'local.explain-sound': ({ tracks }) => `声音：${tracks}`,
  'local.part': ({ from, to }) => `按要求只保留 ${formatClock(from)} 到 ${formatClock(to)}`,
  'local.part-to-end': ({ from, to, seconds }) =>
    `只保留 ${formatClock(from)} 到 ${formatClock(to)}：要求的更长，但视频全长只有 ${formatClock(seconds)}`,
  'local.part-is-all': ({ seconds }) => `没有剪掉任何内容：所要求的片段就是整个视频，全长 ${formatClock(seconds)}`,
  'local.track-not-in-part': ({ track }) => `舍弃：${track}；所要求的片段中没有它的内容`,
  'local.explain-rate': ({ bitsPerSecond, bytes, seconds }) =>
    `码率不超过 ${formatBitrate(bitsPerSecond)}：${seconds.toFixed(1)} 秒为 ${formatBytes(bytes)}`,
  'local.explain-no-sound': '声音：无',
  'local.plan-copy': ({ why }) => `计划：无损复制到 MP4：${why}`,
  'local.plan-size': ({ codec, bytes, why }) => `计划：${codec}，最多 ${formatBytes(bytes)}：${why}`,
  'local.plan-quality': ({ codec, bytes, why }) => `计划：${codec}，${why}；小于 ${formatBytes(bytes)} 才采用`,
  'local.plan-held': ({ cap, decent }) =>
    `会被暂缓：压到 ${formatBytes(cap)} 会无法辨认；大约从 ${formatBytes(decent)} 起才能看`,
  'local.plan-crowded': ({ cap, frames, needed }) =>
    `会被暂缓：${frames} 个画面压不到 ${formatBytes(cap)}；大约从 ${formatBytes(needed)} 起才能看`,
  'local.plan-below-floor': ({ cap, looks, needed, floor }) =>
    `会被暂缓：压到 ${formatBytes(cap)} 画质会是“${looks}”；大约从 ${formatBytes(needed)} 起画质${floor === 'good' ? '好' : '尚可'}`,
  'local.plan-budget': ({ sound, soundBytes, tableBytes, video }) =>
    `${sound}：约 ${formatBytes(soundBytes)}；MP4 索引：约 ${formatBytes(tableBytes)}；${video}`,
  'local.plan-video-rate': ({ bytes, bitsPerSecond }) => `画面 ${formatBytes(bytes)}，${formatBitrate(bitsPerSecond)}`,
  'local.plan-video-enough': ({ bytes }) => `画面约 ${formatBytes(bytes)}，再多也看不出差别`,
  'local.plan-picture': ({ size, frames }) => `${size}；${frames}`,
  'local.plan-full-size': ({ width, height, crf }) => `画面：${width}x${height}，约 CRF ${Math.round(crf)}`,
  'local.plan-scaled': ({ width, height, fullWidth, fullHeight, fullCrf, looks, crf }) =>
    `画面：${width}x${height}，而不是 ${fullWidth}x${fullHeight}（后者为 CRF ${Math.round(fullCrf)}，${looks}）；这样为 CRF ${Math.round(crf)}`,
  'local.plan-every-frame': '保留每一帧',
  'local.plan-fewer-frames': ({ fps }) => `帧率降到每秒 ${fps.toFixed(2)} 帧`,
  'local.plan-looks': ({ looks, bytes }) => `预计画质：${looks}，约 ${formatBytes(bytes)}`,
  'local.looks-like-source': '与源文件一样',
  'local.looks-nearly-like-source': '与源文件几乎一样',
  'local.looks-good': '好',
  'local.looks-decent': '尚可，缺少最细的细节',
  'local.looks-soft': '偏软，运动时有块状',
  'local.looks-bad': '差',
  'local.plan-hardware': ({ encoder, how }) => `编码器：${encoder}，${how}`,
  'local.plan-hardware-costs': '同样大小下，观感约相当于处理器两遍编码少用四分之一到一半字节：docs/hardware.md',
  'local.plan-one-pass': '单遍编码',
  'local.plan-two-passes': '两遍编码',
  'local.plan-passes-av1': '快速测量一遍（可能另选画面大小），然后编码一到两遍',
  'local.plan-encoder': ({ codec, preset, effort, passes, segments, atOnce }) => {
    const parts = `，分 ${segments} 部分${atOnce > 1 ? `，同时编码 ${atOnce} 个` : ''}，重启后从完成的部分继续`;
    return `${codec} ${preset}（effort ${effort}），${passes}${segments > 1 ? parts : ''}`;
  },
  'local.plan-time': ({ encoder, seconds }) =>
    `${encoder}；按本机当前负载约需 ${formatDuration(Math.max(1, seconds) * 1000)}`,
} satisfies Translation<typeof LOCAL_EN>;

function landed(passes: {
  bitsPerSecond: number;
  filled: number;
  segments: number;
  again: number;
  which?: 'end' | 'some';
}): string {
  const { bitsPerSecond, filled, segments, again, which } = passes;
  const parts = segments > 1 ? `，分 ${segments} 部分` : '';
  const repeated =
    again === 0 ? '' : `，${segments > 1 ? (which === 'some' ? '其中几部分' : '结尾') : ''}重新编码 ${again} 次`;
  return `${parts}，${formatBitrate(bitsPerSecond)}，达到上限的 ${(filled * 100).toFixed(1)} %${repeated}`;
}

function soundRate({ bitsPerSecond, mono }: { bitsPerSecond: number; mono: number }): string {
  return `${Math.round(bitsPerSecond / 1000)} kb/s${mono ? '，单声道' : ''}`;
}
