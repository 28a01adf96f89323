import { formatClock } from '../../core/trim.ts';
import { formatBitrate, formatBytes, formatLimit } from '../../core/units.ts';

interface TargetParts {
  part?: string;
  size: string;
  resolution?: string;
  fps?: number;
  audio?: string;
  codec?: string;
  quality?: string;
}

interface Causes {
  rule: string;
  words?: string;
  target: string;
  engine: string;
}

export const RULES_ZH = {
  'rules.match-is': ({ patterns }: { patterns: string }) => `match 为 ${patterns}`,
  'rules.matches-every-file': '匹配所有文件',
  'rules.too-small': ({ bytes, minBytes }: { bytes: number; minBytes: number }) =>
    `文件大小为 ${formatBytes(bytes)}，min_size 为 ${formatBytes(minBytes)}`,
  'rules.rule': ({ rule, why }: { rule: string; why: string }) => `规则 ${rule}：${why}`,
  'rules.no-match': ({ mismatches }: { mismatches: string }) => `没有匹配的规则（${mismatches}）`,
  'rules.no-rules': '没有匹配的规则（该文件夹没有规则）',
  'rules.says-skip': ({ rule }: { rule: string }) => `规则“${rule}”跳过此文件`,

  'rules.instruction': '规则中的指令',
  'rules.your-request': '你的要求',
  'rules.words-too-long': (p: { max: number }) => `文字超过 ${p.max} 个字符`,
  'rules.words-say': ({ from, words }: { from: string; words: string }) => `${from} 的内容是 ${words}`,
  'rules.why': ({ rule, words, target, engine }: Causes) =>
    [`规则“${rule}”最先匹配`, words, target, engine].filter(part => part !== undefined).join('；'),

  'rules.done-here': '在本机处理',
  'rules.done-by-fleet': '由机群的工作机处理',
  'rules.done-here-instead': ({ extension }: { extension: string }) => `云端不接受 .${extension} 文件，因此在本机处理`,
  'rules.done-by-cloud': '在云端处理',
  'rules.cloud-fetches-link': '由云端下载链接指向的视频',
  'rules.link-needs-cloud': ({ name }: { name: string }) =>
    `${name} 是链接，只有云端能下载：请使用带有 engine: nemo 的规则`,
  'rules.link-needs-engine-option': ({ name }: { name: string }) =>
    `${name} 是链接，只有云端能下载：请使用 --engine nemo`,
  'rules.not-a-video': ({ name, extensions }: { name: string; extensions: string }) =>
    `${name} 的文件名不是视频；本机引擎接受 ${extensions}`,
  'rules.raw-stream': ({ name }: { name: string }) =>
    `${name} 是裸码流，画面没有时间信息：请先把它放入 MP4 或 Matroska 文件`,
  'rules.not-for-cloud': ({ name, extensions }: { name: string; extensions: string }) =>
    `云端不接受 ${name}；可接受 ${extensions}`,

  'rules.picture-needs-words': ({ name }: { name: string }) => `${name} 是图片，其中没有可以压缩的视频`,
  'rules.picture-needs-words-hint': ({ name }: { name: string }) =>
    `请在 ${name}.txt 中写明要用它制作什么（例如：做一段 10 秒、缓慢推近的视频），或用 match 或 skip: true 排除图片。`,
  'rules.sound-needs-words': ({ name }: { name: string }) => `${name} 只有声音，其中没有可以压缩的视频`,
  'rules.sound-needs-words-hint': ({ name }: { name: string }) =>
    `请在 ${name}.txt 中写明要用它制作什么（例如：做一段带波形的视频），或用 match 或 skip: true 排除声音文件。`,

  'rules.not-understood': ({ phrases, from }: { phrases: string; from: string }) =>
    `本机引擎只能缩小视频，无法执行或理解 ${phrases}（来自 ${from}）`,
  'rules.not-understood-hint':
    '请只写大小、分辨率、帧率、声音、编码、画质或片段（0:10 到 0:30）方面的要求，或在规则中设置 engine: nemo：云端能理解更多内容。',
  'rules.not-understood-ask-hint':
    '请只写大小、分辨率、帧率、声音、编码、画质或片段（0:10 到 0:30）方面的要求，或使用 --engine nemo：云端能理解更多内容。',

  'rules.said-twice': ({ option, words }: { option: string; words: string }) =>
    `${option} 与文字 ${words} 的要求不一致`,
  'rules.said-twice-hint': '请只保留其中一个。',

  'rules.target': ({ part, size, resolution, fps, audio, codec, quality }: TargetParts) =>
    [part, size, resolution, fps === undefined ? undefined : `最高 ${fps} fps`, audio, codec, quality]
      .filter(part => part !== undefined)
      .join('，'),
  'rules.part': ({ from = 0, to = Number.POSITIVE_INFINITY }: { from?: number; to?: number }) => {
    const without = to < 0 ? `去掉最后 ${formatClock(-to)}` : undefined;
    if (from < 0) return [`只保留最后 ${formatClock(-from)}`, without].filter(Boolean).join('，');
    if (without !== undefined) return from > 0 ? `只保留 ${formatClock(from)} 之后，${without}` : without;
    if (to === Number.POSITIVE_INFINITY) return `只保留 ${formatClock(from)} 之后`;
    return `只保留 ${formatClock(from)} 到 ${formatClock(to)}`;
  },
  'rules.at-most-bytes': ({ bytes }: { bytes: number }) => `不超过 ${formatLimit(bytes)}`,
  'rules.at-most-share': ({ percent }: { percent: number }) => `不超过原文件的 ${percent}%`,
  'rules.at-most-rate': ({ bitsPerSecond }: { bitsPerSecond: number }) => `码率不超过 ${formatBitrate(bitsPerSecond)}`,
  'rules.however-it-looks': ({ size }: { size: string }) => `${size}（不管画质）`,
  'rules.if-it-looks-good': ({ size }: { size: string }) => `${size}（画质须好）`,
  'rules.else-without-loss': ({ size, floor }: { size: string; floor: 'decent' | 'good' }) =>
    `${size}（画质${floor === 'good' ? '好' : '尚可'}时；否则看不出损失）`,
  'rules.no-visible-loss': '在看不出损失的前提下尽量小',
  'rules.no-sound': '无声音',
  'rules.sound-at': ({ kilobits }: { kilobits: number }) => `声音 ${kilobits} kb/s`,
  'rules.best-quality': '最佳画质',

  'rules.bad-output-name': ({ path }: { path: string }) => `无法根据 ${path} 生成输出文件夹中的文件名`,
  'rules.bad-output-name-hint': '请重命名该文件，或修改规则的 output 模板。',
};
