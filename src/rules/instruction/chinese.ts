/** Chinese phrases, in simplified characters; traditional ones are simplified first (see `foldTraditional`). */
import {
  setBytes,
  FILLER,
  setFps,
  GRANTED,
  han,
  setLines,
  before,
  type Phrase,
  setShare,
  UNCLEAR,
  sets,
  MUTE,
  KEEP_AUDIO,
  AUTO,
  MAX,
  ANY_LOOK,
  GOOD_LOOK,
} from './phrase.ts';
import { limitOf, PLATFORMS, platformNamed } from './platforms.ts';
import { FRAME_RATE, fromTo, PLAIN_NUMBER, RESOLUTION, readNumber, SIZE } from './quantities.ts';
import { chineseRates } from './rates.ts';
import { trims } from './trims.ts';

const NUMERAL = '[零一二两三四五六七八九十百千]{1,7}';
const AMOUNT = `(${PLAIN_NUMBER}|${NUMERAL})`;

const DIGITS = '零一二三四五六七八九';
const STEPS: Readonly<Record<string, number>> = { 十: 10, 百: 100, 千: 1000 };

/** `50`, `五十`, `一百二十`; NaN for anything else (`十百`). */
function readAmount(text = ''): number {
  if (/^\d/.test(text)) return readNumber(text);
  let total = 0;
  let digit = 0;
  let last = Number.POSITIVE_INFINITY;
  for (const character of text.replaceAll('两', '二')) {
    const step = STEPS[character];
    if (step === undefined) {
      if (digit !== 0) return Number.NaN;
      digit = DIGITS.indexOf(character);
      continue;
    }
    if (step >= last) return Number.NaN;
    total += (digit || 1) * step;
    [digit, last] = [0, step];
  }
  return total + digit;
}

const SMALLER_BY = '(?:缩小|减小|减少|降低|压缩掉|小|减)(?:了|掉|体积|大小)?';
const SMALLER_TO = '(?:压缩|缩小|减小|减少|降低|压|缩|变)?(?:到|至|成|为)(?:原来的?|原始的?|原视频的?|原文件的?)?';
const PERCENT = `(?:${AMOUNT}\\s*%|百分之${AMOUNT})`;
const PART = `${AMOUNT}分之${AMOUNT}`;

const percent = (a: string | undefined, b: string | undefined) => readAmount(a ?? b) / 100;
const part = (bottom: string | undefined, top: string | undefined) => readAmount(top) / readAmount(bottom);
const less = (share: number) => setShare(Math.round((1 - share) * 1e6) / 1e6);

const shares: Phrase[] = [
  han(
    '(?:(?:压缩|缩小|减小|减少|降低|压|缩|变)?(?:到|至|成|为)?(?:原来的?|原始的?|原视频的?|原文件的?)?)一半(?:的?(?:大小|体积|尺寸))?',
    () => setShare(0.5),
  ),
  han('(?:压缩|缩小|减小|减少|体积|大小|文件)?减半|(?:缩小|减小|减少|压缩|小)(?:一半|1半)', () => setShare(0.5)),
  han(`(?:${SMALLER_TO}|原来的?)${PERCENT}(?:的?(?:大小|体积))?`, ([, a, b]) => setShare(percent(a, b))),
  han(`(?:${SMALLER_TO}|原来的?)${PART}(?:的?(?:大小|体积))?`, ([, bottom, top]) => setShare(part(bottom, top))),
  han(`${PERCENT}(?:的?(?:大小|体积))?`, ([, a, b]) => setShare(percent(a, b))),
  han(`${PART}(?:的?(?:大小|体积))?`, ([, bottom, top]) => setShare(part(bottom, top))),
  han(`${SMALLER_BY}${PERCENT}`, ([, a, b]) => less(percent(a, b))),
  han(`${SMALLER_BY}${PART}`, ([, bottom, top]) => less(part(bottom, top))),
  // 尺寸减半 can mean the file size or the width and height.
  han(
    `尺寸(?:缩小|减小|减少|降低|压缩|缩|减|变|调整|改)?(?:到|至|成|为)?(?:原来的?)?(?:一半|半|${PERCENT}|${PART})`,
    UNCLEAR,
  ),
  // 压缩30% can mean to 30 % or by 30 %.
  han(`压缩${PERCENT}`, ([, a, b]) => (percent(a, b) === 0.5 ? setShare(0.5) : UNCLEAR)),
];

/** 原视频500MB, 视频是500M的: describes the source, not the result. */
const QUANTITY = `(?:大约|大概|约|差不多)?\\s*(?:${SIZE}|${RESOLUTION}|${FRAME_RATE})(?![a-z0-9])的?(?!\\s*(?:以内|以下|之内|之下|内|左右|上下))`;
const FOOTAGE = '(?:视频|文件|影片|录像|短片|片子|录屏|电影)';

const TO = '\\s*(?:的)?(?:视频)?(?:转换?|变|改|降|压缩?|缩)?(?:成|为|到|至)?(?<=[转换变改降压缩成为到至])\\s*';

const source: Phrase[] = [
  ...fromTo(TO, SIZE),
  ...fromTo(TO, RESOLUTION),
  han(`原(?:来|始)?的?(?:${FOOTAGE}|片)(?:的?大小|的?体积|的?分辨率)?(?:是|有|为)?${QUANTITY}`, FILLER),
  han(`(?:${FOOTAGE}(?:的?大小|的?体积)?|大小|体积)(?:现在|目前)?(?:是|有)${QUANTITY}`, UNCLEAR),
];

const quantities: Phrase[] = [
  ...chineseRates(AMOUNT, readAmount),
  han(`(${NUMERAL})\\s*(兆字节|兆|MB|M|GB|G|KB)(?![a-z0-9/])`, ([, amount, unit = '']) => {
    const factor = /^[兆m]/i.test(unit) ? 1e6 : /^g/i.test(unit) ? 1e9 : 1e3;
    return setBytes(readAmount(amount) * factor);
  }),
  han(`(?:每秒)?${AMOUNT}\\s*帧(?:率|每秒|\\/秒)?`, ([, amount]) => setFps(readAmount(amount))),
  han(`帧率(?:为|是|改为|改成|设为|降到|降至|降低到|不超过|:)?\\s*${AMOUNT}(?:帧|fps)?`, ([, amount]) =>
    setFps(readAmount(amount)),
  ),
  han('全高清', setLines(1080) ?? UNCLEAR),
  han('标清', setLines(480) ?? UNCLEAR),
];

const KEEPING = '(?:只|仅|就|要|保留|留下|留|截取|截|取|剪出|剪辑|导出|用|看|想要|需要){0,4}(?:视频|影片)?的?';
const CUT = '(?:去掉|去除|删掉|删除|剪掉|剪去|跳过|略过|移除|砍掉|切掉|切除|不要|截掉|裁掉|丢掉)';
const FIRST = '(?:最?(?:开头|前面|开始)的?|前|头)';
const LAST = '(?:最后面?的?|(?:末尾|结尾|片尾|尾部|后面)的?|后)';
const TO_MOMENT = String.raw`\s*(?:开始)?\s*(?:到|至|-|–|—|~)\s*第?`;
const OF_IT = '(?:之间)?(?:的?(?:部分|片段|内容|那段|这段|一段))?';

const excerpts = trims(
  {
    count: `${PLAIN_NUMBER}|${NUMERAL}|半`,
    read: text => (text === '半' ? 0.5 : readAmount(text)),
    units: ['个?小时|个?钟头|h', '分钟|分|min|m', '秒钟|秒|s'],
    single: '(?!)',
    and: '零|又',
    half: '半',
    start: '(?:开头|开始|片头)',
    end: '(?:结尾|结束|最后|片尾|末尾)',
    says: {
      first: [`${KEEPING}${FIRST}{t}${OF_IT}`],
      last: [`${KEEPING}${LAST}{t}${OF_IT}`],
      'without-first': [
        `${CUT}(?:视频的?)?${FIRST}{t}${OF_IT}`,
        `(?:把)?(?:视频的?)?${FIRST}{t}${OF_IT}(?:都|全部)?${CUT}`,
      ],
      'without-last': [
        `${CUT}(?:视频的?)?${LAST}{t}${OF_IT}`,
        `(?:把)?(?:视频的?)?${LAST}{t}${OF_IT}(?:都|全部)?${CUT}`,
      ],
      range: [
        `${KEEPING}(?:从)?第?{a}${TO_MOMENT}{b}${OF_IT}`,
        `${KEEPING}从?第?{x}${TO_MOMENT}{b}${OF_IT}`,
        `${KEEPING}在?{a}(?:和|与){b}之间${OF_IT}`,
      ],
      from: [`${KEEPING}从第?{a}(?:开始|起|以后|之后|往后)${OF_IT}`, `${CUT}第?{a}(?:之前|以前)${OF_IT}`],
      until: [`${KEEPING}(?:到|至)第?{b}(?:为止|结束|止)`, `${CUT}第?{b}(?:之后|以后)${OF_IT}`],
      unclear: [
        `${CUT}(?:从)?第?{a}${TO_MOMENT}{b}${OF_IT}`,
        `(?:把)?(?:从)?第?{a}${TO_MOMENT}{b}${OF_IT}(?:都|全部)?${CUT}`,
      ],
    },
  },
  han,
);

const sound: Phrase[] = [
  han(
    '静音|无声|消音|去声|(?:不要|不带|没有|无|去掉|去除|去|关闭|关掉|删除|删掉|移除|不需要|不保留)(?:所有)?(?:声音|音频|音轨|原声)',
    MUTE,
  ),
  han('(?:把)?(?:声音|音频|音轨|原声)(?:去掉|去除|关掉|关闭|删掉|删除|移除|静音)', MUTE),
  han('(?:保留|保持|要)(?:原有|原来的?|所有)?(?:声音|音频|音轨|原声)|(?:声音|音频)(?:保留|不变)', KEEP_AUDIO),
];

const quality: Phrase[] = [
  han('(?:视觉)?无损(?:压缩|画质)?', AUTO),
  han(
    '(?:尽量|尽可能)?(?:不|不要|别|不能|不会|没有|无)(?:损失|损害|降低|影响|牺牲|损)(?:太多)?(?:画质|质量|清晰度|画面)?',
    AUTO,
  ),
  han(
    '(?:尽量|尽可能)?(?:保持|保留|维持|保证|确保)(?:原有|原来的?|原始|高|良好的?|较好的?)?的?(?:画质|质量|清晰度|清晰)(?:不变)?',
    AUTO,
  ),
  han('(?:画质|质量|清晰度)(?:不变|不降|好|清晰)', AUTO),
  han('高(?:画质|质量)|画质清晰|(?:画质|质量|清晰度)(?:尽量|尽可能|要)(?:好|高|清晰)', AUTO),
  han(
    '(?:不管|无论|不论)(?:(?:画质|质量|清晰度|效果)(?:如何|怎样|怎么样|好坏|(?:有|变得)?多差)?|(?:看起来)?(?:有|变得)?多(?:差|糟|模糊)|看起来(?:如何|怎样|怎么样))(?:都(?:行|可以|没关系))?|(?:画质|质量|清晰度)(?:无所谓|不重要|不要紧|随便|多差都行|差(?:一?点|一?些)?(?:也|都)?(?:没关系|行|可以|无所谓))',
    ANY_LOOK,
  ),
  han(
    '(?:但是?|不过)?(?:必须|一定)?(?:要)?(?:保证|确保|保持)?(?:看起来|看上去)(?:仍|还|依然|也)?(?:要|得|是)?(?:好|清晰)|但是?(?:画质|质量)(?:必须|一定|仍|还)?要?好',
    GOOD_LOOK,
  ),
  han('最(?:高|好|佳|大)的?(?:画质|质量|清晰度)|(?:画质|质量)最(?:高|好|佳)', MAX),
];

const kept: Phrase[] = [
  han(
    '(?:保持|保留|维持)?(?:原|原有|原来的?|原始)?分辨率(?:不变)|(?:保持|保留|维持|不改变|不改|不变)(?:原|原有|原来的?|原始)?分辨率|原分辨率',
    sets({ field: 'resolution', value: 'keep' }),
  ),
  han(
    '(?:保持|保留|维持|不改变|不改)(?:原|原有|原来的?|原始)?帧率(?:不变)?|帧率不变|原帧率',
    sets({ field: 'fps', value: 'keep' }),
  ),
  han('(?:保留|保持)(?:所有)?(?:字幕|元数据|拍摄时间|位置信息)', GRANTED),
];

const WECHAT = limitOf(platformNamed('WeChat'));
const EMAIL = limitOf(platformNamed('email'));
const SENT = '(?:为了|用于|适合|方便|便于|能|可以|好|通过|用|在|从)?(?:发送?到?|发给|传到?|分享到?|上传到?|上)?';

const smaller: Phrase[] = [
  han(
    '尽可能(?:的)?小|尽量(?:的)?小(?:一?点|一?些)?|越小越好|(?:压到|压缩到|缩到|变到)?最小(?:的?(?:大小|体积|尺寸))?|最大(?:程度)?(?:地|的)?压缩',
    { kind: 'granted', smallest: true },
  ),
  han(
    '(?:太|很|有点)大|(?:变|更|缩|弄|改|压)?小(?:一点儿?|一些|点儿?|些)|(?:变|更|缩|减|弄)小|压缩(?:一下|视频)?',
    GRANTED,
  ),
  han('(?:(?:转|转换|转码|导出|输出|保存|存|变|改|做|弄)(?:成|为|到|至)?)?\\.?mp4(?:格式|文件|视频)?', GRANTED),
  han('(?:方便|便于|用于|适合|以便|为了|好)(?:我)?(?:发送|分享|上传|传输|传播|发布)', GRANTED),
  han(`${SENT}(?:抖音|快手|小红书|哔哩哔哩|b站|油管)`, GRANTED),
  han(`${SENT}微信(?:群|好友|聊天|发送|上|里)?`, WECHAT),
  han(`${SENT}(?:电子邮件|邮件|电邮|邮箱|e-?mail)(?:附件|发送|里|中)?`, EMAIL),
];

const bounds: Phrase[] = [
  han(
    '低于|少于|小于|(?:不|不能|不要|不可|别)(?:超过|大于|高于|多于|超出)|最大(?:不超过|为)?|最多|最高|上限(?:为|是)?|控制在|限制在|限制(?:到|为)|大约|大概|约',
    before(),
  ),
  han('以内|以下|之内|之下|内|左右|上下', { kind: 'beside', where: 'after' }),
  han('分辨率(?:为|是|改为|改成|设为|降到|降至|降低到|调到|调成)?', before('resolution')),
  han('(?:视频)?编码(?:为|格式)?|编码器', { kind: 'beside', where: 'either', of: 'codec' }),
];

const PLATFORM_NAMES = PLATFORMS.map(({ alias }) => alias).join('|');

const fillers: Phrase[] = [
  han(`(?:发送?到?|发给|上传到?|分享到?|传到?|用于|适合)(?=\\s*(?:${PLATFORM_NAMES}))`, FILLER),
  han(
    '请|作为|帮我|帮忙|帮|麻烦|你|您|谢谢|可以|能不能|能否|能|吗|吧|呢|啊|一下子|一下|一个|我们|我的|我|想要|想|需要|要|希望|把|将|这个|这段|这部|这些|这|那个|该|此|所有|全部|的|了|着|给我|给|它|文件|视频|影片|录像|短片|片子|录屏|电影|大小|体积|尺寸|格式|压缩|压|缩小|缩|减小|减少|降低|导出|输出|保存|存|转换|转码|转|变成|变|改成|改为|改|做成|弄成|弄|调整|调|设为|成|为|到|至|是|并且|并|且|和|与|及|以及|同时|然后|再|也|就|在|用|使用|采用|版本|版|目标|结果|大|原始|原|好',
    FILLER,
  ),
];

export const CHINESE: readonly Phrase[] = [
  ...source,
  ...shares,
  ...quantities,
  ...excerpts,
  ...sound,
  ...quality,
  ...kept,
  ...smaller,
  ...bounds,
  ...fillers,
];

/** Pairs: each traditional character of our phrases, then its simplified form. */
const TRADITIONAL =
  '鐘钟鍾钟秒秒從从開开頭头後后結结裁裁跳跳過过截截段段壓压縮缩導导轉转換换碼码幀帧聲声靜静無无損损畫画質质請请幫帮這这個个檔档與与並并後后發发郵邮電电儘尽盡尽體体積积過过於于內内變变為为將将視视頻频錄录爲为減减關关閉闭刪删兩两標标準准證证確确維维採采給给嗎吗傳传測测試试間间長长數数據据還还讓让開开進进麼么會会謝谢寬宽輸输儲储單单擇择邊边繪绘調调設设編编當当對对點点論论樣样沒没隨随來来';

const FOLD: ReadonlyMap<string, string> = new Map(
  Array.from({ length: TRADITIONAL.length / 2 }, (_, i) => [TRADITIONAL[i * 2] ?? '', TRADITIONAL[i * 2 + 1] ?? '']),
);

/** The text with the characters of our phrases simplified; its length does not change. */
export function foldTraditional(text: string): string {
  return text.replace(/\p{Script=Han}/gu, character => FOLD.get(character) ?? character);
}
