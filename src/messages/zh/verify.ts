import { formatBytes } from '../../core/units.ts';
import type { Translation } from '../catalogue.ts';
import type { VERIFY_EN } from '../en/verify.ts';

export const VERIFY_ZH: Translation<typeof VERIFY_EN> = {
  'verify.failed': ({ complaints }) => `结果未通过检查：${complaints}`,
  'verify.failed-hint': '没有交付任何文件，原文件未改动。可用 `shrinkbox retry` 重试；如果再次失败，请报告此问题。',
  'verify.stopped': '检查结果时已停止',
  'verify.evidence': p =>
    `已解码 ${p.frames} 帧，${p.seconds.toFixed(2)} 秒，${p.width}x${p.height} ${p.codec}，${p.bytes} 字节`,

  'verify.doing': '检查结果',
  'verify.doing-decode': '解码结果',
  'verify.doing-read': '读取结果',

  'verify.unplayable': ({ error }) => `无法播放到结尾：${error}`,
  'verify.empty': '文件是空的',
  'verify.bytes-changed': ({ bytes, expected }) => `磁盘上有 ${bytes} 字节，而生成时是 ${expected} 字节`,
  'verify.too-large': ({ bytes, maxBytes }) =>
    `大小为 ${bytes} 字节（${formatBytes(bytes)}），超过允许的 ${maxBytes} 字节（${formatBytes(maxBytes)}）`,
  'verify.undecodable': ({ decoded, frames }) => `${frames} 帧中只有 ${decoded} 帧可以解码`,
  'verify.duration': ({ seconds, expected }) => `时长为 ${seconds.toFixed(3)} 秒，应为 ${expected.toFixed(3)} 秒`,
  'verify.dimensions': p => `画面为 ${p.width}x${p.height}，应为 ${p.expectedWidth}x${p.expectedHeight}`,
  'verify.frames': ({ frames, expected }) => `有 ${frames} 帧，应为 ${expected} 帧`,
  'verify.audio-tracks': ({ count, expected }) => `有 ${count} 条音轨，应为 ${expected} 条`,
  'verify.subtitle-tracks': ({ count, expected }) => `有 ${count} 条字幕轨，应为 ${expected} 条`,
  'verify.lacks': ({ kind, value }) => `缺少计划中应有的内容：${kind}（${value}）`,
  'verify.holds-unplanned': ({ kind, value }) => `含有计划之外的内容：${kind}（${value}）`,
  'verify.moved': p =>
    `${p.kind}（${p.value}）位于 ${p.startS.toFixed(2)} 到 ${p.endS.toFixed(2)} 秒，应为 ` +
    `${p.expectedStartS.toFixed(2)} 到 ${p.expectedEndS.toFixed(2)} 秒`,
  'verify.frame-rate': ({ fps, maxFps }) => `帧率为每秒 ${fps.toFixed(2)} 帧，超过 ${maxFps}`,
  'verify.codec': ({ codec, expected }) => `编码是 ${codec}，应为 ${expected}`,
  'verify.container': ({ container }) => `封装格式是 ${container}，而不是 MP4`,
  'verify.late-index': '索引不在开头，全部加载完之前无法开始播放',
  'verify.decoder-errors': ({ count }) => `解码器报告了 ${count} 个错误`,
};
