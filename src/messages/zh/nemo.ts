import { offeredWords } from '../../core/escape.ts';
import { formatBytes, formatClockTime, formatDuration } from '../../core/units.ts';
import type { Translation } from '../catalogue.ts';
import type { NEMO_EN } from '../en/nemo.ts';

export const NEMO_ZH: Translation<typeof NEMO_EN> = {
  'nemo.while': ({ doing, problem }) => `${doing}时出错：${problem}`,

  'nemo.doing-free-token': '申请免费令牌',
  'nemo.doing-credits': '查询积分余额',
  'nemo.doing-ping': '连接服务',
  'nemo.doing-identity': '读取 identity.json',
  'nemo.doing-save-identity': '保存 identity.json',
  'nemo.doing-folder-sessions': '保存各文件夹的会话',
  'nemo.doing-session': '创建会话',
  'nemo.doing-state': '读取会话',
  'nemo.doing-claim-link': '申请认领链接',
  'nemo.doing-check-file': '上传前检查文件',
  'nemo.doing-link': '读取链接文件',
  'nemo.doing-upload': '上传',
  'nemo.doing-message': '发送指令',
  'nemo.doing-confirm': '确认指令是否已执行',
  'nemo.doing-answer': '回答问题',
  'nemo.doing-export': '导出',
  'nemo.doing-poll': '等待渲染',
  'nemo.doing-keep-draft': '保存时间线',
  'nemo.doing-download': '下载成品',
  'nemo.doing-open-download': '打开未完成的下载',
  'nemo.doing-read-download': '读取未完成的下载',
  'nemo.doing-write-download': '写入下载的文件',
  'nemo.doing-restart-download': '重新开始下载',
  'nemo.doing-keep-download': '保存下载的文件',
  'nemo.doing-set-aside': '移开被拒绝的成品',
  'nemo.doing-index-first': '将成品的索引移到文件开头',
  'nemo.doing-work-folder': '创建工作文件夹',
  'nemo.doing-fit': '使成品符合大小要求',

  'nemo.own-token-rejected': '服务拒绝了 NEMO_TOKEN 中的令牌',
  'nemo.own-token-rejected-hint':
    '请在 NEMO_TOKEN 中填入有效的令牌，或取消该变量以使用免费令牌；然后重启 shrinkbox 并重试。',
  'nemo.free-token-rejected': '服务拒绝了免费令牌',
  'nemo.free-token-rejected-hint': '请等待服务发放新令牌，或设置 NEMO_TOKEN；然后重试。',
  'nemo.session-gone': '服务已找不到该会话，已做好的时间线也随之丢失',
  'nemo.session-gone-hint':
    '重试即可在新会话中重新开始：文件会重新上传，之前的要求会再次发送，与一次新的编辑一样消耗积分（约 50）。',
  'nemo.session-gone-done-hint': ({ job }) =>
    `无需重试：成品已交付，不受影响。如仍要修改，请运行 shrinkbox ask "..." --job ${job}，然后重试新任务：文件会重新上传，所有修改会在新会话中再次发送，需要消耗积分。`,
  'nemo.no-credits': '账户积分已用完',
  'nemo.top-up-hint': ({ url }) => `请为账户充值积分（${url}），然后运行 shrinkbox resume。`,
  'nemo.register-hint': ({ url }) => `请在 ${url} 注册以获得更多积分，然后运行 shrinkbox resume。`,
  'nemo.unsupported-file': '服务不接受这种类型的文件',
  'nemo.format-not-accepted': ({ extension }) =>
    extension === '' ? '服务不接受没有已知扩展名的文件' : `服务不接受 .${extension} 文件`,
  'nemo.formats-hint': ({ formats }) => `支持的格式：${formats}。`,
  'nemo.formats-or-local-hint': ({ formats }) => `支持的格式：${formats}。请转换文件，或使用 engine: local。`,
  'nemo.file-too-large': '文件超过服务允许的大小',
  'nemo.file-too-large-hint': ({ bytes }) =>
    `请压缩、裁剪或分割到 ${formatBytes(bytes)} 以下，或将 nemo.oversize 设为 local 或 split。`,
  'nemo.over-upload-limit': ({ bytes, limit }) =>
    `文件大小为 ${formatBytes(bytes)}，而服务最多接受 ${formatBytes(limit)}`,
  'nemo.over-upload-limit-hint': ({ limit }) =>
    `请压缩或裁剪到 ${formatBytes(limit)} 以下，或将 nemo.oversize 设为 local 或 split，或使用 engine: local；然后重试。`,
  'nemo.reduce-first-hint': ({ limit }) => `请先压缩或裁剪到 ${formatBytes(limit)} 以下。`,
  'nemo.plan-blocked': ({ detail = '' }) => `该账户的套餐不允许此操作（402）${quoted(detail)}`,
  'nemo.plan-blocked-hint': ({ url }) => `请注册或升级套餐以启用导出（${url}），然后运行 shrinkbox resume。`,
  'nemo.not-allowed': ({ detail }) => `服务不允许该账户执行此操作${quoted(detail)}`,
  'nemo.not-allowed-hint': ({ url }) => `请在 ${url} 检查账户及其套餐，然后重试。`,
  'nemo.request-rejected': ({ status, detail }) => `服务拒绝了请求（HTTP ${status}）${quoted(detail)}`,
  'nemo.rejected': ({ detail }) => `服务拒绝了请求${quoted(detail)}`,
  'nemo.unexpected-reply': ({ status, detail }) =>
    `收到意外的回复，可能来自代理服务器（HTTP ${status}）${quoted(detail)}`,
  'nemo.unexpected-reply-hint':
    '请检查 nemo.api_url（或 NEMO_API_URL），并确认中间没有代理服务器或登录页面；然后重试。',
  'nemo.redirected': ({ status }) => `服务重定向到了其他地址（HTTP ${status}），令牌不会发送到那里`,
  'nemo.request-timeout': '服务等待请求超时',
  'nemo.rate-limited': '服务暂时拒绝更多请求（HTTP 429），且未说明多久',
  'nemo.rate-limited-chosen': ({ ms }) =>
    `服务暂时拒绝更多请求（HTTP 429），且未说明多久；shrinkbox 暂停 ${formatDuration(ms)}`,
  'nemo.rate-limited-longer': ({ ms, askedMs }) =>
    `服务要求暂停 ${formatDuration(askedMs)}，之后仍然拒绝；shrinkbox 暂停 ${formatDuration(ms)}`,
  'nemo.rate-limited-at-once': '服务暂时拒绝更多请求（HTTP 429），虽然它说可以立即再次请求',
  'nemo.rate-limited-for': ({ ms }) => `服务要求暂停请求 ${formatDuration(ms)}`,
  'nemo.rate-limited-until': ({ why, at }) => `${why}；将于 ${formatClockTime(at)} 再次请求`,
  'nemo.held-by-limit': ({ at }) => `将于 ${formatClockTime(at)} 再次请求；正在等待服务的限制解除（HTTP 429）`,
  'nemo.service-trouble': ({ status }) => `服务出现故障（HTTP ${status}）`,
  'nemo.retried-hint': '这种情况通常过一段时间就会恢复。',
  'nemo.report-bug-hint': '如果再次发生，请附上日志报告问题；没有任何数据丢失。',
  'nemo.retry-or-report-hint': '请稍后重试；如果再次发生，请附上日志报告问题。',
  'nemo.check-api-url-hint': '请检查 nemo.api_url（或 NEMO_API_URL）。',
  'nemo.check-api-url-retry-hint': '请检查 nemo.api_url（或 NEMO_API_URL），然后重试。',
  'nemo.endless-reply': '服务的回复一直没有结束',
  'nemo.endless-stream': '服务的数据流一直没有结束',

  'nemo.no-free-token': '服务目前不发放免费令牌：每个安装七天内只能领取一个',
  'nemo.no-free-token-hint': '请将 NEMO_TOKEN 设为自己的令牌，或最多等待七天；然后重试。',
  'nemo.no-token-in-reply': '回复中没有令牌',
  'nemo.negative-balance': ({ available }: { available: number }) =>
    `服务返回的余额为 ${available} 积分，这不可能；实际余额未知`,
  'nemo.no-balance-in-reply': '回复中没有余额',
  'nemo.no-session-in-reply': '回复中没有会话',
  'nemo.identity-unreadable': ({ errno }) => `无法读取 identity.json（${errno}）`,
  'nemo.identity-unreadable-hint': '请检查状态目录的权限，然后重试。',
  'nemo.identity-damaged': '无法读取 identity.json：文件已损坏',
  'nemo.identity-damaged-hint': '请移走 identity.json 以获取新的客户端 ID，或在环境变量中设置 NEMO_TOKEN；然后重试。',
  'nemo.balance': ({ available, frozen, total }) => `可用积分 ${available}，已预留 ${frozen}，共 ${total}`,

  'nemo.no-session': '该任务在云端没有会话',
  'nemo.no-session-hint': '只有 nemo 引擎的任务才有会话；参见 shrinkbox job ID。',
  'nemo.session-taken': '服务返回的会话正被另一个文件使用',
  'nemo.session-taken-hint': '请在另一个文件完成后重试。',
  'nemo.no-address-in-link': '链接文件中没有视频地址',
  'nemo.no-address-in-link-hint': '第一行（或 URL=）必须是 http 或 https 地址。',
  'nemo.share-of-link': '无法对链接承诺百分比：本机不知道原文件的大小',
  'nemo.share-of-other': ({ name }) => `对用 ${name} 制作的视频来说，百分比没有意义`,
  'nemo.rate-of-link': '无法对链接承诺码率：本机不知道原视频的时长',
  'nemo.rate-of-other': ({ name }) => `无法对 ${name} 承诺码率：本机不知道它的时长`,
  'nemo.part-of-parts': ({ name }) => `${name} 太大，无法一次上传；分段上传又无法截取所要求的片段`,
  'nemo.part-of-parts-hint': '请使用本机引擎，或设置 nemo.oversize: local。',
  'nemo.share-of-link-hint': '请在规则中或源文件旁的 .txt 文件中指定大小（例如 50MB）。',
  'nemo.no-such-file': ({ path }) => `没有文件 ${path}`,
  'nemo.not-a-file': ({ path }) => `${path} 不是文件`,
  'nemo.empty-file': ({ path }) => `${path} 是空文件`,
  'nemo.address-not-http-own': ({ address }) => `服务只能从 http 和 https 地址获取文件，不能从 ${address} 获取`,
  'nemo.shrank-during-upload': '文件在上传过程中变短了',
  'nemo.upload-stalled': '上传停滞',
  'nemo.upload-not-shown': '服务已接收上传，但会话中没有显示该文件',
  'nemo.upload-not-shown-hint': '请稍后重试；没有消耗积分。',
  'nemo.uploading': '正在上传',
  'nemo.waiting-to-upload': '正在排队等待上传',

  'nemo.may-take-minutes': '可能需要几分钟',
  'nemo.agent-at-work': '智能体正在处理',
  'nemo.still-working': ({ note }) => `仍在处理：${note}`,
  'nemo.generating-video': '正在生成视频（2-5 分钟）',
  'nemo.generating-sound': '正在生成音频（1-2 分钟）',
  'nemo.editing-timeline': '正在编辑时间线',
  'nemo.viewing-material': '正在分析素材',
  'nemo.working': '处理中',
  'nemo.message-timeout': '服务未在消息的时限内完成',
  'nemo.heartbeats-only': '服务长时间只保持连接而没有任何动作',
  'nemo.quiet-after-reply': '服务已回复，但之后一直没有关闭连接',
  'nemo.connection-lost': '服务处理期间连接中断',
  'nemo.closed-silently': '智能体没有回复就结束了',
  'nemo.no-events': ({ status }) => `服务的答复（HTTP ${status}）中没有智能体的任何内容，可能来自中间的代理`,
  'nemo.state-empty': '读到的会话是空的，但文件已经上传到其中',
  'nemo.stopped-during-message': '消息发送或处理期间 shrinkbox 被停止',
  'nemo.error-in-stream': ({ detail }) => `服务在完成前报告了错误（${detail}）`,
  'nemo.temporary-issue': '智能体报告了临时故障',
  'nemo.outcome-unknown': ({ why }) =>
    `尚不确定指令是否已执行：${ended(why)}shrinkbox 正在检查会话；不会再次发送任何内容。`,
  'nemo.outcome-unknown-hint': ({ ms = FIVE_MINUTES }) => `请等待；最多需要 ${formatDuration(ms)}。`,
  'nemo.nothing-changed-yet': ({ check, checks }) => `第 ${check}/${checks} 次检查：目前没有变化`,
  'nemo.still-changing': '会话已发生变化；等待其稳定',
  'nemo.unconfirmed': ({ ms, why = '' }) =>
    `指令已发送，但会话在 ${formatDuration(ms)} 内没有任何变化${why === '' ? '' : `；${why}`}`,
  'nemo.overtaken': '指令已发送，但该文件的更新版本此后使用了会话：已无法看出指令是否已执行',
  'nemo.unconfirmed-hint': '重试将再次发送指令；如果第一次其实已经执行，积分会被扣两次。',
  'nemo.outcome-unread-hint': '重试即可再次读取会话；不会重发任何内容，也不会产生费用。',
  'nemo.changed-nothing': ({ reply }) => `智能体做了回复，但没有修改任何内容：“${reply}”`,
  'nemo.changed-nothing-hint': '请把它询问的内容写入指令（视频旁的 .txt 文件），或重试。',
  'nemo.only-a-question-hint': '这是一个问题；要得到新版本，请把需要修改的内容写入视频旁的 .txt 文件。',
  'nemo.record-unreadable': '无法读取已发送到云端的内容的记录',
  'nemo.record-unreadable-hint': '请取消该任务并重新放入文件；如果指令已经执行，积分会被扣两次。',
  'nemo.stopped': '云端处理已停止',

  'nemo.timeline': ({ count, tracks }) => `时间线（${count} 条轨道）：${tracks}`,
  'nemo.session-files': ({ files }) => `会话中的文件：${files}`,
  'nemo.session-made': ({ made }) => `服务生成的内容：${made}`,
  'nemo.session-state': ({ timeline, beside }) => `${timeline}；${beside}`,
  'nemo.timeline-empty': '时间线：空',
  'nemo.timeline-foreign': '时间线：较新的格式，只能在网站上查看',
  'nemo.new-assets': ({ count }) => `新增 ${count} 个素材`,
  'nemo.track-added': ({ track }) => `新增 ${track}`,
  'nemo.track-removed': ({ track }) => `移除 ${track}`,
  'nemo.track-changed': ({ was, is }) => `${was} 变为 ${is}`,
  'nemo.details-changed': '时间线的细节有变化',
  'nemo.timeline-of-another': ({ file, timeline }) =>
    `会话的时间线已不再是 ${file} 的：此后另一个文件使用了该会话（${timeline}）`,
  'nemo.timeline-of-job': ({ file, other, job, timeline }) =>
    `会话中现在是 ${other}（任务 ${job}）的时间线，已不再是 ${file} 的：${timeline}`,
  'nemo.timeline-of-another-hint': ({ file }) =>
    `没有更改或渲染任何内容。要让 ${file} 回到时间线，请说明要做什么：shrinkbox ask "..." --job ID 会发送一条消息，需要消耗积分。`,
  'nemo.session-busy': '该任务的会话中，另一个文件尚未处理完',
  'nemo.session-busy-hint':
    '请等它完成后重试；或立即重试以使用新会话：文件会重新上传，其修改会再次发送，需要消耗积分。',
  'nemo.change-report': ({ changes, timeline }) => `变化：${ended(changes)}${timeline}`,

  'nemo.nothing-to-export': ({ reply }) => `时间线上没有可导出的内容${replied(reply)}`,
  'nemo.nothing-to-export-hint':
    '重试即可免费再次读取时间线。如果仍为空，请更具体地说明要做什么（写入视频旁的 .txt 文件）：这会再发送一条消息。',
  'nemo.export-on-site-only': ({ reply }) => `该时间线的格式只能在网站上导出${replied(reply)}`,
  'nemo.export-on-site-only-hint': '请打开任务的认领链接在网站上导出，或使用 engine: local。',
  'nemo.rendering': '正在渲染',
  'nemo.rendering-usually': '正在渲染，通常需要 30-90 秒',
  'nemo.still-rendering': ({ ms }) => `${formatDuration(ms)} 后渲染仍未完成`,
  'nemo.still-rendering-hint': '重试即可继续等待同一个渲染；不会重复制作或扣费。',
  'nemo.render-unknown': '服务已找不到该渲染',
  'nemo.render-id-taken': '该 ID 已被占用',
  'nemo.render-rejected': '其成品被拒绝',
  'nemo.no-reason-given': '未说明原因',
  'nemo.render-failed-twice': ({ why }) => `服务两次渲染均失败${why === '' ? '' : `：${why}`}`,
  'nemo.render-failed-after-all': ({ why }) => `服务先报告渲染完成，随后又报告失败：${why}`,
  'nemo.edit-kept-hint': '请稍后重试；编辑内容已保留，渲染是免费的。',
  'nemo.render-kept-hint': '请稍后重试；渲染结果已保留。',
  'nemo.downloading': '正在下载',
  'nemo.result-withheld': ({ refusals = '' }) =>
    `服务称渲染已完成，但没有提供文件${refusals === '' ? '' : `（${refusals}）`}`,
  'nemo.result-absurd': ({ bytes }) => `成品超过 ${formatBytes(bytes)}，远超任务所需`,
  'nemo.result-absurd-hint': '没有保留其中任何内容。请稍后重试。',
  'nemo.result-incomplete': ({ bytes, total }) => `成品只有 ${bytes} 字节，应有 ${total} 字节`,
  'nemo.result-no-video': '服务发送的内容不是视频',
  'nemo.result-sound-only': '服务生成的文件只有声音、没有画面，不是视频',
  'nemo.result-still': '服务生成的是一张静止图片，不是视频',
  'nemo.result-no-film-hint':
    '请在指令中（视频旁的 .txt 文件，或 shrinkbox ask）说明视频应显示什么；这会再发送一条消息，需要消耗积分。',
  'nemo.result-truncated': '成品不完整，在结尾前被截断',
  'nemo.web-page-instead': '服务发送了网页而不是成品',
  'nemo.redirected-nowhere': '下载被重定向到无效的地址',
  'nemo.redirected-in-circles': '下载的重定向次数过多',
  'nemo.download-restarts': '下载需要重新开始',
  'nemo.download-stalled': '下载几乎停止',
  'nemo.download-refused': ({ status }) => `下载被拒绝（HTTP ${status}）`,
  'nemo.address-not-http': '服务给出的地址不是 http 或 https',
  'nemo.address-private': ({ host }) => `服务给出的地址位于私有网络（${host}）`,
  'nemo.host-private': ({ host }) => `${host} 解析到私有网络中的地址`,
  'nemo.address-refused-hint': '没有从那里下载任何内容。请检查 nemo.api_url（或 NEMO_API_URL），然后重试。',

  'nemo.how': ({ timeline }) => `在云端完成：${timeline}`,
  'nemo.how-asked-twice': ({ timeline }) => `在云端完成：为达到大小要求请求了两次；${timeline}`,
  'nemo.how-fitted-here': ({ how, timeline }) => `在云端完成：在本机压缩到要求的大小（${how}）；${timeline}`,
  'nemo.how-compressed-here': ({ bytes, limit, how }) =>
    `在本机压缩，因为 ${formatBytes(bytes)} 超过服务的上限（${formatBytes(limit)}）：${how}`,
  'nemo.how-in-parts': ({ parts }) => `在云端分 ${parts} 段完成，在本机无损拼接`,
  'nemo.agent-said': ({ reply }) => `智能体回复：${reply}`,
  'nemo.open-steps': ({ steps, job }) =>
    `智能体把这一步留给了你：${ended(`“${steps}”`)}它没有被发送，因为消息会消耗积分。如果要执行，请运行：shrinkbox ask ${offeredWords(`${steps}`)} --job ${job}`,
  'nemo.session-changes': ({ changes }) => `会话中的变化：${changes}`,
  'nemo.reported-all-the-same': ({ problem }) => `修改已完成，但服务报告了错误：${problem}`,
  'nemo.asked-once-more': ({ bytes }) => `第一次的成品为 ${formatBytes(bytes)}；已再次请求`,
  'nemo.first-result-too-large': ({ bytes, maxBytes }) =>
    `第一次的成品为 ${formatBytes(bytes)}，超过 ${formatBytes(maxBytes)}`,
  'nemo.reduced-before-upload': ({ from, to }) => `上传前在本机压缩：从 ${formatBytes(from)} 到 ${formatBytes(to)}`,
  'nemo.part-note': ({ part, note }) => `第 ${part} 段：${note}`,
  'nemo.part-of': ({ part, parts, note }) => `第 ${part}/${parts} 段${note === '' ? '' : `：${note}`}`,
  'nemo.compressing-here': '正在本机压缩',
  'nemo.reducing-for-upload': '正在压缩到可上传的大小',
  'nemo.fitting-here': '正在本机压缩到要求的大小',
  'nemo.cannot-fit': ({ bytes, maxBytes }) =>
    `云端的成品为 ${formatBytes(bytes)}，再次请求后仍超过要求的 ${formatBytes(maxBytes)}`,
  'nemo.is-codec': ({ codec, wanted }) => `画面编码是 ${codecName(codec)}，而不是 ${codecName(wanted)}`,
  'nemo.is-large': ({ width, height, limit }) => `画面为 ${width}x${height}，超过 ${limit}`,
  'nemo.smaller-picture': ({ width, height, wantedWidth, wantedHeight }) =>
    `成品画面为 ${width}x${height}，而不是 ${wantedWidth}x${wantedHeight}`,
  'nemo.is-fast': ({ fps, limit }) => `帧率为 ${Math.round(fps * 100) / 100}，超过 ${limit}`,
  'nemo.has-sound': '含有声音',
  'nemo.not-as-asked': ({ found }) => `云端的成品不符合要求：${found}`,
  'nemo.not-as-asked-hint': '请在规则中设置 fallback: local，由本机重新编码，然后重试：成品已保留，不会重发任何内容。',
  'nemo.first-result-not-as-asked': ({ found }) => `云端的成品不符合要求：${found}`,
  'nemo.how-mended-here': ({ how, cloud }) => `${cloud}；已在本机重新编码（${how}）`,
  'nemo.length-not-as-said': ({ seconds, hint }) =>
    `成品长 ${formatDuration(seconds * 1000)}；服务给出的原片长度为 ${hint}`,
  'nemo.cannot-fit-hint': '请在规则中设置 fallback: local 以在本机压缩到要求的大小，或要求更大的大小。',
};

/** With one full stop, whatever it ends with. */
function ended(text: string): string {
  return /[.!?…。！？]["”']?$/.test(text) ? text : `${text}。`;
}

/** Hints in older journals do not say how long. */
const FIVE_MINUTES = 300_000;

function codecName(codec: string): string {
  return { h264: 'H.264', hevc: 'H.265 (HEVC)', av1: 'AV1' }[codec] ?? codec;
}

function quoted(detail: string): string {
  return detail === '' ? '' : `：“${detail}”`;
}

function replied(reply: string): string {
  return reply === '' ? '' : `；智能体回复：“${reply}”`;
}
