import { offeredWords } from '../../core/escape.ts';
import { formatBytes, formatClockTime, formatDuration, plural } from '../../core/units.ts';

interface Detail {
  /** The service's own words; empty where it gave none. */
  detail: string;
}
type Rejection = Detail & { status: number };

export const NEMO_EN = {
  /** `doing` is one of the phrases below, as in "while …". */
  'nemo.while': ({ doing, problem }: { doing: string; problem: string }) => `${doing}: ${problem}`,

  'nemo.doing-free-token': 'requesting a free token',
  'nemo.doing-credits': 'reading the credit balance',
  'nemo.doing-ping': 'contacting the service',
  'nemo.doing-identity': 'reading identity.json',
  'nemo.doing-save-identity': 'saving identity.json',
  'nemo.doing-folder-sessions': 'saving the sessions of the folders',
  'nemo.doing-session': 'opening a session',
  'nemo.doing-state': 'reading the session',
  'nemo.doing-claim-link': 'requesting the claim link',
  'nemo.doing-check-file': 'checking the file before the upload',
  'nemo.doing-link': 'reading the link file',
  'nemo.doing-upload': 'uploading',
  'nemo.doing-message': 'sending the instruction',
  'nemo.doing-confirm': 'checking whether the instruction was carried out',
  'nemo.doing-answer': 'answering the question',
  'nemo.doing-export': 'exporting',
  'nemo.doing-poll': 'waiting for the render',
  'nemo.doing-keep-draft': 'saving the timeline',
  'nemo.doing-download': 'downloading the result',
  'nemo.doing-open-download': 'opening the partial download',
  'nemo.doing-read-download': 'reading the partial download',
  'nemo.doing-write-download': 'writing the download',
  'nemo.doing-restart-download': 'restarting the download',
  'nemo.doing-keep-download': 'saving the download',
  'nemo.doing-set-aside': 'setting the rejected result aside',
  'nemo.doing-index-first': 'moving the index of the result to its start',
  'nemo.doing-work-folder': 'creating the working folder',
  'nemo.doing-fit': 'making the result fit',

  // Refusals of the service.
  'nemo.own-token-rejected': 'the service rejected the token in NEMO_TOKEN',
  'nemo.own-token-rejected-hint':
    'Put a valid token into NEMO_TOKEN, or unset it to use a free one; then restart shrinkbox and retry.',
  'nemo.free-token-rejected': 'the service rejected the free token',
  'nemo.free-token-rejected-hint': 'Wait until the service issues a new one, or set NEMO_TOKEN; then retry.',
  'nemo.session-gone': 'the service no longer knows the session, and the timeline made so far is lost with it',
  'nemo.session-gone-hint':
    'Retry to start over in a new session: the file is uploaded again, and what was asked for is sent again, which costs credits like a new edit (about 50).',
  'nemo.session-gone-done-hint': ({ job }: { job: string }) =>
    `There is nothing to retry: the result was delivered and stays. To change it all the same, run shrinkbox ask "..." --job ${job} and then retry the new job: the file is uploaded again, and all its edits are asked for again in a new session, which costs credits.`,
  'nemo.no-credits': 'the account has no credits left',
  'nemo.top-up-hint': ({ url }: { url: string }) =>
    `Top up credits in your account (${url}), then run shrinkbox resume.`,
  'nemo.register-hint': ({ url }: { url: string }) => `Register at ${url} to get more, then run shrinkbox resume.`,
  'nemo.unsupported-file': 'the service does not accept this kind of file',
  'nemo.format-not-accepted': ({ extension }: { extension: string }) =>
    extension === ''
      ? 'the service does not accept files without a known extension'
      : `the service does not accept .${extension} files`,
  'nemo.formats-hint': ({ formats }: { formats: string }) => `Supported formats: ${formats}.`,
  'nemo.formats-or-local-hint': ({ formats }: { formats: string }) =>
    `Supported formats: ${formats}. Convert the file, or use engine: local.`,
  'nemo.file-too-large': 'the file is too large for the service',
  'nemo.file-too-large-hint': ({ bytes }: { bytes: number }) =>
    `Compress, trim or split it to less than ${formatBytes(bytes)}, or set nemo.oversize to local or split.`,
  'nemo.over-upload-limit': ({ bytes, limit }: { bytes: number; limit: number }) =>
    `the file has ${formatBytes(bytes)}; the service accepts up to ${formatBytes(limit)}`,
  'nemo.over-upload-limit-hint': ({ limit }: { limit: number }) =>
    `Compress or trim it to less than ${formatBytes(limit)}, or set nemo.oversize to local or split, or use engine: local; then retry.`,
  'nemo.reduce-first-hint': ({ limit }: { limit: number }) =>
    `Compress or trim it to less than ${formatBytes(limit)} first.`,
  'nemo.plan-blocked': ({ detail = '' }: { detail?: string }) =>
    `the plan of this account does not allow this (402)${quoted(detail)}`,
  'nemo.plan-blocked-hint': ({ url }: { url: string }) =>
    `Register or upgrade your plan to unlock export (${url}), then run shrinkbox resume.`,
  'nemo.not-allowed': ({ detail }: Detail) => `the service does not allow this account to do that${quoted(detail)}`,
  'nemo.not-allowed-hint': ({ url }: { url: string }) => `Check the account and its plan at ${url}, then retry.`,
  'nemo.request-rejected': ({ status, detail }: Rejection) =>
    `the service rejected the request (HTTP ${status})${quoted(detail)}`,
  'nemo.rejected': ({ detail }: Detail) => `the service rejected the request${quoted(detail)}`,
  'nemo.unexpected-reply': ({ status, detail }: Rejection) =>
    `unexpected reply, perhaps from a proxy (HTTP ${status})${quoted(detail)}`,
  'nemo.unexpected-reply-hint':
    'Check nemo.api_url (or NEMO_API_URL), and that no proxy or login page stands in between; then retry.',
  'nemo.redirected': ({ status }: { status: number }) =>
    `the service redirects to another address (HTTP ${status}), where the token is not sent`,
  'nemo.request-timeout': 'the service gave up waiting for the request',
  'nemo.rate-limited': 'the service refuses further requests for now (HTTP 429) and does not say for how long',
  'nemo.rate-limited-chosen': ({ ms }: { ms: number }) =>
    `the service refuses further requests for now (HTTP 429) and does not say for how long; shrinkbox pauses for ${formatDuration(ms)}`,
  'nemo.rate-limited-longer': ({ ms, askedMs }: { ms: number; askedMs: number }) =>
    `the service asks for a pause of ${formatDuration(askedMs)} and refuses again after it; shrinkbox pauses for ${formatDuration(ms)}`,
  'nemo.rate-limited-at-once':
    'the service refuses further requests for now (HTTP 429), though it says that it may be asked again at once',
  'nemo.rate-limited-for': ({ ms }: { ms: number }) => `the service asks for a pause of ${formatDuration(ms)}`,
  'nemo.rate-limited-until': ({ why, at }: { why: string; at: number }) =>
    `${why}; asking again at ${formatClockTime(at)}`,
  'nemo.held-by-limit': ({ at }: { at: number }) =>
    `asking again at ${formatClockTime(at)}; waiting for the limit of the service (HTTP 429)`,
  'nemo.service-trouble': ({ status }: { status: number }) => `the service has a problem (HTTP ${status})`,
  'nemo.retried-hint': 'This often passes after a while.',
  'nemo.report-bug-hint': 'If it happens again, please report it with the log; nothing was lost.',
  'nemo.retry-or-report-hint': 'Retry later; if it happens again, please report it with the log.',
  'nemo.check-api-url-hint': 'Check nemo.api_url (or NEMO_API_URL).',
  'nemo.check-api-url-retry-hint': 'Check nemo.api_url (or NEMO_API_URL), then retry.',
  'nemo.endless-reply': 'the reply of the service did not end',
  'nemo.endless-stream': 'the stream of the service did not end',

  // The account.
  'nemo.no-free-token': 'the service issues no free token now: one per installation in seven days',
  'nemo.no-free-token-hint': 'Set NEMO_TOKEN to a token of your own, or wait up to seven days; then retry.',
  'nemo.no-token-in-reply': 'the reply contains no token',
  'nemo.negative-balance': ({ available }: { available: number }) =>
    `the service names a balance of ${available} credits, which cannot be; how many there are is not known`,
  'nemo.no-balance-in-reply': 'the reply contains no balance',
  'nemo.no-session-in-reply': 'the reply names no session',
  'nemo.identity-unreadable': ({ errno }: { errno: string }) => `cannot read identity.json (${errno})`,
  'nemo.identity-unreadable-hint': 'Check the permissions of the state directory, then retry.',
  'nemo.identity-damaged': 'cannot read identity.json: it is damaged',
  'nemo.identity-damaged-hint':
    'Move identity.json away to get a new client id, or put NEMO_TOKEN into the environment; then retry.',
  'nemo.balance': ({ available, frozen, total }: { available: number; frozen: number; total: number }) =>
    `${available} credits available, ${frozen} reserved, ${total} in total`,

  // The session and the upload.
  'nemo.no-session': 'this job has no session in the cloud',
  'nemo.no-session-hint': 'Only jobs of the nemo engine have one; see shrinkbox job ID.',
  'nemo.session-taken': 'the service gave the new session the id of one that another file is using',
  'nemo.session-taken-hint': 'Retry once the other file is done.',
  'nemo.no-address-in-link': 'the link file contains no video address',
  'nemo.no-address-in-link-hint': 'Its first line (or URL=) must be an http or https address.',
  'nemo.share-of-link': 'a percentage cannot be promised for a link: the size of the original is not known here',
  'nemo.share-of-other': ({ name }: { name: string }) => `a percentage of ${name} means nothing for a video made of it`,
  'nemo.rate-of-link': 'a bit rate cannot be promised for a link: this machine does not know how long the video is',
  'nemo.rate-of-other': ({ name }: { name: string }) =>
    `a bit rate cannot be promised for ${name}: this machine does not know how long it is`,
  'nemo.part-of-parts': ({ name }: { name: string }) =>
    `${name} is too large to upload in one piece, and a part cannot be cut from a video uploaded in pieces`,
  'nemo.part-of-parts-hint': 'Use the local engine, or set nemo.oversize: local.',
  'nemo.share-of-link-hint': 'Give a size (such as 50MB) in the rule, or in the .txt file beside the source.',
  'nemo.no-such-file': ({ path }: { path: string }) => `there is no file ${path}`,
  'nemo.not-a-file': ({ path }: { path: string }) => `${path} is not a file`,
  'nemo.empty-file': ({ path }: { path: string }) => `${path} is empty`,
  'nemo.address-not-http-own': ({ address }: { address: string }) =>
    `the service fetches from http and https addresses only, not from ${address}`,
  'nemo.shrank-during-upload': 'the file became shorter while it was being uploaded',
  'nemo.upload-stalled': 'the upload stalled',
  'nemo.upload-not-shown': 'the service accepted the upload, but the session does not show it',
  'nemo.upload-not-shown-hint': 'Retry later; no credits were used.',
  'nemo.uploading': 'uploading',
  'nemo.waiting-to-upload': 'waiting for an upload slot',

  // The message.
  'nemo.may-take-minutes': 'this may take a few minutes',
  'nemo.agent-at-work': 'the agent is at work',
  'nemo.still-working': ({ note }: { note: string }) => `still working: ${note}`,
  'nemo.generating-video': 'generating video (2-5 min)',
  'nemo.generating-sound': 'generating sound (1-2 min)',
  'nemo.editing-timeline': 'editing the timeline',
  'nemo.viewing-material': 'viewing the material',
  'nemo.working': 'working',
  'nemo.message-timeout': 'the service did not finish within the time a message may take',
  'nemo.heartbeats-only': 'the service kept the connection open for too long without doing anything',
  'nemo.quiet-after-reply': 'the service replied and then kept the connection open',
  'nemo.connection-lost': 'the connection was lost while the service was working',
  'nemo.closed-silently': 'the agent closed the stream without a reply',
  'nemo.no-events': ({ status }: { status: number }) =>
    `the service answered (HTTP ${status}) without a word of the agent, perhaps a proxy in its place`,
  'nemo.state-empty': 'the session was read as empty, though the upload is in it',
  'nemo.stopped-during-message': 'shrinkbox was stopped while the message was being sent or answered',
  'nemo.error-in-stream': ({ detail }: Detail) => `the service reported an error before it finished (${detail})`,
  'nemo.temporary-issue': 'the agent reported a temporary issue',
  'nemo.outcome-unknown': ({ why }: { why: string }) =>
    `It is not known whether the instruction was carried out: ${ended(why)} shrinkbox is checking the session; nothing is sent again.`,
  'nemo.outcome-unknown-hint': ({ ms = FIVE_MINUTES }: { ms?: number }) =>
    `Wait; this takes up to ${formatDuration(ms)}.`,
  'nemo.nothing-changed-yet': ({ check, checks }: { check: number; checks: number }) =>
    `check ${check} of ${checks}: nothing has changed yet`,
  'nemo.still-changing': 'the session has changed; waiting until it no longer does',
  'nemo.unconfirmed': ({ ms, why = '' }: { ms: number; why?: string }) =>
    `the instruction was sent, but nothing changed in the session for ${formatDuration(ms)}${why === '' ? '' : `; ${why}`}`,
  'nemo.overtaken':
    'the instruction was sent, and a later version of the file has used the session since: whether it was carried out can no longer be seen',
  'nemo.unconfirmed-hint':
    'Retry to send it again; if the first one was carried out after all, that costs credits twice.',
  'nemo.outcome-unread-hint': 'Retry to read the session again; nothing is sent again, and nothing is spent.',
  'nemo.changed-nothing': ({ reply }: { reply: string }) => `the agent replied and changed nothing: "${reply}"`,
  'nemo.changed-nothing-hint': 'Put what it asks for into the instruction (the .txt file beside the video), or retry.',
  'nemo.only-a-question-hint':
    'That was a question; put what to change into the .txt file beside the video to get a new version.',
  'nemo.record-unreadable': 'the record of what was sent to the cloud cannot be read',
  'nemo.record-unreadable-hint':
    'Cancel the job and drop the file in again; if the instruction was carried out, that costs credits twice.',
  'nemo.stopped': 'the work in the cloud was stopped',

  // The timeline. `tracks` is a numbered list in the service's own terms.
  'nemo.timeline': ({ count, tracks }: { count: number; tracks: string }) =>
    `Timeline (${plural(count, 'track')}): ${tracks}`,
  'nemo.session-files': ({ files }: { files: string }) => `Files in the session: ${files}`,
  'nemo.session-made': ({ made }: { made: string }) => `Made by the service: ${made}`,
  'nemo.session-state': ({ timeline, beside }: { timeline: string; beside: string }) => `${timeline}; ${beside}`,
  'nemo.timeline-empty': 'Timeline: empty',
  'nemo.timeline-foreign': 'Timeline: in a newer format that only the site can show',
  'nemo.new-assets': ({ count }: { count: number }) => plural(count, 'new asset'),
  'nemo.track-added': ({ track }: { track: string }) => `added ${track}`,
  'nemo.track-removed': ({ track }: { track: string }) => `removed ${track}`,
  'nemo.track-changed': ({ was, is }: { was: string; is: string }) => `${was} became ${is}`,
  'nemo.details-changed': 'details of the timeline changed',
  'nemo.timeline-of-another': ({ file, timeline }: { file: string; timeline: string }) =>
    `the timeline of the session is no longer the one of ${file}: another file used the session since (${timeline})`,
  'nemo.timeline-of-job': (p: { file: string; other: string; job: string; timeline: string }) =>
    `the session now holds the timeline of ${p.other} (job ${p.job}), no longer the one of ${p.file}: ${p.timeline}`,
  'nemo.timeline-of-another-hint': ({ file }: { file: string }) =>
    `Nothing was changed or rendered. To bring ${file} back, say what to do with it: shrinkbox ask "..." --job ID sends a message, which costs credits.`,
  'nemo.session-busy': 'another file is not finished in the session of this job',
  'nemo.session-busy-hint':
    'Retry once it is; or retry now for a new session: the file is uploaded and its edits are asked for again, which costs credits.',
  'nemo.change-report': ({ changes, timeline }: { changes: string; timeline: string }) =>
    `${ended(changes)} ${timeline}`,

  // The render and its result.
  'nemo.nothing-to-export': ({ reply }: { reply: string }) =>
    `there is nothing on the timeline to export${replied(reply)}`,
  'nemo.nothing-to-export-hint':
    'Retry to read the timeline again, which is free. If it stays empty, describe more exactly what to do (in the .txt file beside the video): that sends another message.',
  'nemo.export-on-site-only': ({ reply }: { reply: string }) =>
    `the timeline is in a format that can only be exported on the site${replied(reply)}`,
  'nemo.export-on-site-only-hint': 'Open the claim link of the job to export it there, or use engine: local.',
  'nemo.rendering': 'rendering',
  'nemo.rendering-usually': 'rendering, usually 30-90 s',
  'nemo.still-rendering': ({ ms }: { ms: number }) => `the render is not done after ${formatDuration(ms)}`,
  'nemo.still-rendering-hint': 'Retry to keep waiting for the same render; nothing is made or charged twice.',
  'nemo.render-unknown': 'the service no longer knows the render',
  'nemo.render-id-taken': 'the id was taken',
  'nemo.render-rejected': 'its result was rejected',
  'nemo.no-reason-given': 'no reason given',
  'nemo.render-failed-twice': ({ why }: { why: string }) =>
    `the service failed twice to render the result${why === '' ? '' : `: ${why}`}`,
  'nemo.render-failed-after-all': ({ why }: { why: string }) =>
    `the service first reported the render as done, then as failed: ${why}`,
  'nemo.edit-kept-hint': 'Retry later; the edit is kept and rendering is free.',
  'nemo.render-kept-hint': 'Retry later; the render is kept.',
  'nemo.downloading': 'downloading',
  'nemo.result-withheld': ({ refusals = '' }: { refusals?: string }) =>
    `the service says that the render is done, but does not provide the file${refusals === '' ? '' : ` (${refusals})`}`,
  'nemo.result-absurd': ({ bytes }: { bytes: number }) =>
    `the result has more than ${formatBytes(bytes)}, far more than the job can need`,
  'nemo.result-absurd-hint': 'Nothing of it was kept. Retry later.',
  'nemo.result-incomplete': ({ bytes, total }: { bytes: number; total: number }) =>
    `the result has ${bytes} of ${total} bytes`,
  'nemo.result-no-video': 'the service sent something that is not a video',
  'nemo.result-sound-only': 'the service made a file with sound but no picture, not a video',
  'nemo.result-still': 'the service made a still picture, not a video',
  'nemo.result-no-film-hint':
    'Say in the instruction (the .txt file beside the video, or shrinkbox ask) what the video should show; that sends another message, which costs credits.',
  'nemo.result-truncated': 'the result is cut off before its end',
  'nemo.web-page-instead': 'the service sent a web page instead of the result',
  'nemo.redirected-nowhere': 'the download is redirected to an invalid address',
  'nemo.redirected-in-circles': 'the download is redirected too often',
  'nemo.download-restarts': 'the download has to start again',
  'nemo.download-stalled': 'the download has almost stopped',
  'nemo.download-refused': ({ status }: { status: number }) => `the download was refused (HTTP ${status})`,
  'nemo.address-not-http': 'the service named an address that is not http or https',
  'nemo.address-private': ({ host }: { host: string }) => `the service named an address in a private network (${host})`,
  'nemo.host-private': ({ host }: { host: string }) => `${host} resolves to an address in a private network`,
  'nemo.address-refused-hint': 'Nothing was fetched from there. Check nemo.api_url (or NEMO_API_URL), then retry.',

  // What was done, and on which machine.
  'nemo.how': ({ timeline }: { timeline: string }) => `in the cloud: ${timeline}`,
  'nemo.how-asked-twice': ({ timeline }: { timeline: string }) => `in the cloud: asked twice for the size; ${timeline}`,
  'nemo.how-fitted-here': ({ how, timeline }: { how: string; timeline: string }) =>
    `in the cloud: made to fit on this machine (${how}); ${timeline}`,
  'nemo.how-compressed-here': ({ bytes, limit, how }: { bytes: number; limit: number; how: string }) =>
    `compressed on this machine, because ${formatBytes(bytes)} is more than the service accepts (${formatBytes(limit)}): ${how}`,
  'nemo.how-in-parts': ({ parts }: { parts: number }) =>
    `in the cloud in ${parts} parts, joined on this machine without re-encoding`,
  'nemo.agent-said': ({ reply }: { reply: string }) => `the agent said: ${reply}`,
  'nemo.open-steps': ({ steps, job }: { steps: string; job: string }) =>
    `the agent leaves this to you: ${ended(`"${steps}"`)} It was not sent on, because a message costs credits. To have it done, say so: shrinkbox ask ${offeredWords(`${steps}`)} --job ${job}`,
  'nemo.session-changes': ({ changes }: { changes: string }) => `in the session: ${changes}`,
  'nemo.reported-all-the-same': ({ problem }: { problem: string }) =>
    `the change was made, though the service reported an error: ${problem}`,
  'nemo.asked-once-more': ({ bytes }: { bytes: number }) =>
    `the first result had ${formatBytes(bytes)}; asked once more`,
  'nemo.first-result-too-large': ({ bytes, maxBytes }: { bytes: number; maxBytes: number }) =>
    `the first result had ${formatBytes(bytes)}, more than ${formatBytes(maxBytes)}`,
  'nemo.reduced-before-upload': ({ from, to }: { from: number; to: number }) =>
    `made smaller on this machine before uploading: ${formatBytes(from)} to ${formatBytes(to)}`,
  'nemo.part-note': ({ part, note }: { part: number; note: string }) => `part ${part}: ${note}`,
  'nemo.part-of': ({ part, parts, note }: { part: number; parts: number; note: string }) =>
    `part ${part} of ${parts}${note === '' ? '' : `: ${note}`}`,
  'nemo.compressing-here': 'compressing on this machine',
  'nemo.reducing-for-upload': 'making it small enough to upload',
  'nemo.fitting-here': 'making it fit on this machine',
  'nemo.cannot-fit': ({ bytes, maxBytes }: { bytes: number; maxBytes: number }) =>
    `the cloud's result has ${formatBytes(bytes)}, more than the ${formatBytes(maxBytes)} asked for, even after a second request`,
  'nemo.is-codec': ({ codec, wanted }: { codec: string; wanted: string }) =>
    `its picture is ${codecName(codec)}, not ${codecName(wanted)}`,
  'nemo.is-large': ({ width, height, limit }: { width: number; height: number; limit: string }) =>
    `its picture is ${width}x${height}, more than ${limit}`,
  'nemo.smaller-picture': ({
    width,
    height,
    wantedWidth,
    wantedHeight,
  }: Record<'width' | 'height' | 'wantedWidth' | 'wantedHeight', number>) =>
    `the picture of the result is ${width}x${height} instead of ${wantedWidth}x${wantedHeight}`,
  'nemo.is-fast': ({ fps, limit }: { fps: number; limit: number }) =>
    `it has ${Math.round(fps * 100) / 100} frames per second, more than ${limit}`,
  'nemo.has-sound': 'it has sound',
  'nemo.not-as-asked': ({ found }: { found: string }) => `the cloud's result is not as asked: ${found}`,
  'nemo.not-as-asked-hint':
    'Set fallback: local in the rule to have it re-encoded on this machine, then retry: the result is kept, and nothing is sent again.',
  'nemo.first-result-not-as-asked': ({ found }: { found: string }) => `the cloud's result was not as asked: ${found}`,
  'nemo.how-mended-here': ({ how, cloud }: { how: string; cloud: string }) =>
    `${cloud}; re-encoded on this machine (${how})`,
  'nemo.length-not-as-said': ({ seconds, hint }: { seconds: number; hint: number }) =>
    `the result is ${formatDuration(seconds * 1000)} long; the service gave ${hint} as the length of the source`,
  'nemo.cannot-fit-hint':
    'Set fallback: local in the rule to have it made to fit on this machine, or ask for a larger size.',
};

/** Hints in older journals do not say how long. */
const FIVE_MINUTES = 300_000;

function codecName(codec: string): string {
  return { h264: 'H.264', hevc: 'H.265 (HEVC)', av1: 'AV1' }[codec] ?? codec;
}

/** With one full stop, whatever it ends with: words of the service may bring their own. */
function ended(text: string): string {
  return /[.!?…]["”']?$/.test(text) ? text : `${text}.`;
}

function quoted(detail: string): string {
  return detail === '' ? '' : `: "${detail}"`;
}

function replied(reply: string): string {
  return reply === '' ? '' : `; the agent said: "${reply}"`;
}
