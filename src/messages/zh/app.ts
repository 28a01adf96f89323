import { formatHours, formatTimeOfDay } from '../../core/units.ts';

export const APP_ZH = {
  'app.words-passed-on': '这些话会原样交给云端',
  'app.paused': '已暂停；运行 “shrinkbox resume” 继续',
  'app.outside-hours': (p: { fromMinute: number; toMinute: number; zone?: string }) =>
    `等到 ${formatTimeOfDay(p.fromMinute)}（local_hours 为 ${formatHours(p)}${p.zone ? `，时区 ${p.zone}` : ''}）`,
  // folders
  'app.claiming-inboxes': '占用收件箱',
  'app.inbox-locked': (p: { inbox: string; pid: number; state: string; theirs?: string; how?: string }) => {
    const relation = p.how === 'contains' ? `（其中包含 ${p.inbox}）` : `（位于 ${p.inbox} 之内）`;
    const which = p.theirs === undefined ? p.inbox : `${p.theirs}${relation}`;
    return `另一个 shrinkbox（pid ${p.pid}，状态目录 ${p.state}）已在监视 ${which}`;
  },
  'app.inbox-locked-hint': (p: { pid: number }) =>
    `否则每个文件都会处理两次。请停止另一个（kill ${p.pid} 或 systemctl stop），或从其中一份配置中删除该文件夹。`,
  'app.inbox-locked-unseen': (p: { inbox: string }) => `另一个 shrinkbox（可能在另一个容器中）已在监视 ${p.inbox}`,
  'app.inbox-locked-unseen-hint': '否则每个文件都会处理两次。请停止另一个，或为本程序另设收件箱。',
  'app.inbox-stranger': (p: { inbox: string }) =>
    `另一个用户或另一个容器的程序自称是正在监视 ${p.inbox} 的 shrinkbox；本程序照常启动。若确是 shrinkbox，请停掉其中一个，否则每个文件都会处理两次`,
  'app.folder-foreign': (p: { path: string; uid: number }) =>
    `${p.path} 属于其他用户（uid ${p.uid}），且没有配置指明它`,
  'app.folder-foreign-hint':
    '该用户可以读到成品。请在自己的文件夹中启动，或在配置中写明它（shrinkbox init 可以生成配置）。',
  'app.library-missing': ({ path }: { path: string }) => `媒体库 ${path} 不存在`,
  'app.library-missing-hint': '请挂载它所在的磁盘或共享，或在配置中更改其路径。',
  'app.folder-removed': (p: { inbox: string }) => `${p.inbox} 已不在配置的文件夹之中`,
  'app.folder-removed-hint': '请把该文件夹放回配置并重试任务，或取消任务。',
  'app.not-mounted': (p: { path: string }) => `${p.path} 未挂载`,
  'app.not-mounted-hint': (p: { point: string; file: string }) =>
    `请重新挂载 ${p.point}，shrinkbox 会自动继续。${p.file && `如果文件夹现在就应该在这里，请删除 ${p.file} 并重启 shrinkbox。`}`,
  'app.another-disk': (p: { point: string; now: string; before: string }) =>
    `${p.point} 上挂载的是另一块磁盘（现在是 ${p.now}，原来是 ${p.before}）`,
  'app.another-disk-hint': (p: { point: string; file: string }) =>
    `请重新挂载原来在 ${p.point} 的磁盘，shrinkbox 会自动继续。${p.file && `如果今后就使用现在这块磁盘，请删除 ${p.file} 并重启 shrinkbox。`}`,
  'app.covered': (p: { path: string; point: string; now: string }) =>
    `${p.path} 正在使用时，${p.point} 上挂载了另一块磁盘（${p.now}）`,
  'app.covered-hint': (p: { point: string }) =>
    `shrinkbox 此前放在那里的文件被这块磁盘遮住了。请卸载 ${p.point}，shrinkbox 随后会自动继续。如果今后就用这块磁盘，请重启 shrinkbox。`,
  'app.not-mounted-fstab-hint': (p: { point: string }) =>
    `请按 /etc/fstab 挂载 ${p.point}，或删除其中对应的一行，shrinkbox 会自动继续。`,
  'app.not-mounted-empty-hint': (p: { path: string; point: string }) =>
    `${p.point} 是空的：请挂载它的磁盘；如果没有磁盘，请自行创建 ${p.path}。shrinkbox 会自动继续。`,
  'app.not-on-disk': (p: { path: string; point: string; source: string }) =>
    `挂载在 ${p.point} 的磁盘（${p.source}）上没有 ${p.path}`,
  'app.not-on-disk-hint': '请挂载它原来所在的磁盘，或创建该文件夹，shrinkbox 会自动继续。',
  'app.once-busy-hint': '另一个程序正在使用该文件。结束后请再次运行该命令。',
  'app.once-full-hint': '请在那里腾出一些空间，然后重新运行该命令。',
  'app.restore-again-hint': '请检查磁盘或共享是否已挂载、能否访问、空间是否足够，然后再恢复一次。',
  'app.once-away-hint': '请检查该磁盘或共享是否已挂载并有响应，然后重新运行该命令。',
  'app.once-network-hint': '请检查网络连接，然后重新运行该命令。',
  'app.once-certificate-hint': '请检查本机时钟，并确认没有设备拦截连接，然后重新运行该命令。',
  'app.once-top-up-hint': ({ url }: { url: string }) => `请为账户充值积分（${url}），然后重新运行该命令。`,
  'app.once-register-hint': ({ url }: { url: string }) => `请在 ${url} 注册以获得更多积分，然后重新运行该命令。`,
  'app.once-plan-hint': ({ url }: { url: string }) => `请注册或升级套餐以启用导出（${url}），然后重新运行该命令。`,
  'app.once-folder-hint': '请创建该文件夹（或移走占用其位置的东西），然后重新运行该命令。',
  'app.originals-stay': (p: { inbox: string; why: string }) => `原始文件留在 ${p.inbox}，因为无法移走：${p.why}`,
  'app.originals-stay-sticky': (p: { inbox: string }) =>
    `其他用户的原始文件留在 ${p.inbox}，因为那里只有文件的所有者才能删除文件（粘滞位）`,
  'app.checking-writable': (p: { path: string }) => `检查 ${p.path} 是否可写`,
  'app.work-root-gone': (p: { path: string }) => `${p.path} 已不存在`,
  'app.work-root-gone-hint': '请重新挂载状态目录所在的磁盘；如果目录已被移动，请重启 shrinkbox。',
  'app.removing-working-files': (p: { path: string }) => `删除 ${p.path} 中的工作文件`,
  // explain
  'app.no-such-file': '没有这个文件',
  'app.in-no-inbox': '它不在任何收件箱中，shrinkbox 不会处理',
  'app.in-no-folder': ({ path }: { path: string }) => `${path} 不在任何已配置的文件夹中`,
  'app.left-alone': (p: { why: string }) => `不处理：${p.why}`,
  'app.folder-left-alone': (p: { folder: string; why: string }) => `不处理：文件夹 ${p.folder}：${p.why}`,
  'app.is-folder': '这是一个文件夹；其中的文件会逐个处理',
  'app.is-special': '不处理：它是管道、套接字或设备，不是普通文件',
  'app.is-link-inside': (p: { target: string }) => `不处理：它是指向同一收件箱内的链接（${p.target}）`,
  'app.is-link-outside': (p: { target: string }) => `不处理：它是指向收件箱之外的链接（${p.target}）`,
  'app.too-many-explanations': '正在说明的文件过多',
  'app.if-in-inbox': (p: { inbox: string; would: string }) => `如果放进收件箱 ${p.inbox}：${p.would}`,
  'app.if-planned': (p: { would: string }) => `开始执行该媒体库的计划后原位替换：${p.would}`,
  'app.will-be-done': (p: { rule: string; engine: string; why: string }) =>
    `规则 ${p.rule}，引擎 ${p.engine}：${p.why}`,
};
