import { formatBytes } from '../../core/units.ts';

interface On {
  path: string;
}

/** What the system says in English, by its code; any other is shown as it is. */
const ERRNO: Readonly<Record<string, string>> = {
  ENOENT: '文件或文件夹不存在',
  ENOTDIR: '路径中有一部分不是文件夹',
  EISDIR: '这是一个文件夹',
  EEXIST: '文件已存在',
  EACCES: '权限不足',
  EPERM: '操作不被允许',
  EROFS: '文件系统是只读的',
  ENOSPC: '磁盘空间不足',
  EDQUOT: '超出磁盘配额',
  EIO: '磁盘读写错误',
  EMFILE: '打开的文件过多',
  ENFILE: '系统中打开的文件过多',
  ENOMEM: '内存不足',
  ESTALE: '网络共享上的文件句柄已失效',
  ENOTCONN: '网络共享未连接',
  EHOSTDOWN: '服务器已离线',
  ENODEV: '设备不存在',
  ENXIO: '设备不存在',
  EAGAIN: '资源暂时不可用',
  EBUSY: '正被占用',
  EXDEV: '不在同一个文件系统上',
  ENAMETOOLONG: '文件名过长',
  EILSEQ: '文件名含有无效字符',
  ETXTBSY: '文件正在使用',
  EFBIG: '文件过大',
};

export const FILES_ZH = {
  'files.failed': ({ doing, said, errno }: { doing: string; said: string; errno: string }) =>
    `${spaced(doing)}时出错：${ERRNO[errno] ?? said}${errno === '' ? '' : `（${errno}）`}`,
  'files.hint-no-space':
    '请释放一些空间；如果是不能再存放更多文件，请删除一些文件（“df -h” 和 “df -i” 可以查看）。之后 shrinkbox 会自动继续。',
  'files.hint-quota': '请释放一些空间，或提高配额；之后 shrinkbox 会自动继续。',
  'files.hint-leased': '另一个程序持有该文件的租约；它放开后 shrinkbox 会自动继续。',
  'files.hint-being-run': '该文件正作为程序运行；结束后 shrinkbox 会自动继续。',
  'files.hint-read-only':
    '该文件系统是只读挂载的，内核在出错后也会这样做（“dmesg” 可以查看）。请检查磁盘，并以可写方式挂载。',
  'files.hint-stale': '服务器已不认识那里打开的文件。请检查共享或重新挂载；恢复后 shrinkbox 会自动继续。',
  'files.hint-append-only':
    '那里可以新增名字，但不能删除。如果对该文件夹运行 “lsattr -d” 显示 “a” 或 “i”，原因就在于此：用 “chattr -a -i” 去掉即可。如果是共享，请为运行 shrinkbox 的用户开放该权限。',
  'files.hint-denied': '请检查运行 shrinkbox 的用户对该路径的权限（“shrinkbox doctor” 会逐个测试文件夹）。',
  'files.hint-unavailable': '请检查磁盘或共享是否已挂载；恢复后 shrinkbox 会自动继续。',
  'files.hint-bad-name': '请把文件改成更短、更简单的名字。',

  'files.working': '处理文件',
  'files.identifying': ({ path }: On) => `检查 ${path}`,
  'files.opening': ({ path }: On) => `打开 ${path}`,
  'files.creating': ({ path }: On) => `创建 ${path}`,
  'files.reading': ({ path }: On) => `读取 ${path}`,
  'files.writing': ({ path }: On) => `写入 ${path}`,
  'files.dating': ({ path }: On) => `设置 ${path} 的日期`,
  'files.copying-attributes': '复制访问控制列表和扩展属性',
  'files.syncing': ({ path }: On) => `将 ${path} 同步到磁盘`,
  'files.closing': ({ path }: On) => `关闭 ${path}`,
  'files.measuring': ({ path }: On) => `检查 ${path} 的可用空间`,

  'files.not-a-name': ({ path, name }: On & { name: string }) => `${JSON.stringify(name)} 不是 ${path} 中可用的名称`,
  'files.is-link': ({ path }: On) => `${path} 是一个链接；那里的链接不会被跟随`,
  'files.is-folder': ({ path }: On) => `${path} 是一个文件夹`,
  'files.is-pipe': ({ path }: On) => `${path} 是命名管道，不是文件`,
  'files.is-socket': ({ path }: On) => `${path} 是套接字，不是文件`,
  'files.is-device': ({ path }: On) => `${path} 是设备，不是文件`,
  'files.not-the-same-file': ({ path }: On) => `${path} 已不是原来的文件`,
  'files.folder-exchanged': ({ path }: On) => `${path} 已不是当初打开的文件夹`,

  'files.copy-stopped': '复制已停止',
  'files.copy-changed': ({ path, before, after }: { path: string; before: number; after: number }) =>
    `${path} 在复制过程中发生了变化：开始时 ${before} 字节，结束时 ${after} 字节`,
  'files.truncated': ({ path }: On) => `${path} 在读取过程中变短了`,

  'files.not-enough-space': ({ path, needed, missing }: { path: string; needed: number; missing: number }) =>
    `${path} 需要 ${formatBytes(needed)} 可用空间，还差 ${formatBytes(missing)}`,
  'files.not-enough-space-hint': '请在那里释放一些空间，或调低 limits.min_free；shrinkbox 会自动继续。',
  'files.no-more-files': ({ folder }: { folder: string }) => `${folder} 不能再存放更多文件，尽管可能还有空闲字节`,
  'files.no-more-files-hint': '请在那里删除一些文件（“df -i” 可以查看）；之后 shrinkbox 会自动继续。',
  'files.not-a-folder': ({ path }: On) => `${path} 不是文件夹`,
  'files.not-a-folder-hint': '请移走或重命名那里的文件，并创建该文件夹；shrinkbox 会自动继续。',
  'files.missing-folder': ({ path }: On) => `${path} 不存在`,
  'files.missing-folder-hint': '请挂载磁盘或共享，或创建该文件夹；shrinkbox 会自动继续。',

  'files.mount-silent': ({ path }: On) => `${path} 没有响应`,
  'files.mount-silent-hint': '请检查该挂载点背后的服务器或进程；恢复响应后 shrinkbox 会自动继续。',
  'files.mount-crowded': ({ path }: On) => `${path} 暂时无法使用：其他挂载点没有响应`,
  'files.mount-crowded-hint': ({ shares }: { shares: number }) =>
    `请检查那些挂载点背后的服务器。${shares} 个无响应的共享就会占满可用线程；在 shrinkbox 的环境中设置 UV_THREADPOOL_SIZE=16 可以增加线程。`,
  'files.attributes-lost': ({ path }: { path: string }) => `无法保留 ${path} 的所有者、权限或属性`,
  'files.attributes-lost-hint': '请以文件所有者或 root 的身份运行 shrinkbox，并使用带有 GNU coreutils 的 cp 的系统。',
};

/** A space where Latin letters meet Chinese ones. */
export function spaced(phrase: string): string {
  return /[\x21-\x7e]$/.test(phrase) ? `${phrase} ` : phrase;
}
