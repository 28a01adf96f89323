import { formatDuration } from '../../core/units.ts';
import type { Translation } from '../catalogue.ts';
import type { INBOX_EN } from '../en/inbox.ts';

export const INBOX_ZH: Translation<typeof INBOX_EN> = {
  'inbox.not-scanned': '尚未扫描',
  'inbox.missing': '它不存在',
  'inbox.not-readable': '运行 shrinkbox 的用户无权读取它',
  'inbox.failing': ({ error }) => `无法读取（${error}）`,
  'inbox.not-a-folder': '它不是文件夹',
  'inbox.suddenly-empty': '它突然变空了；所在的磁盘或共享是否已挂载？',

  'inbox.settling': ({ windowMs }) => `等待它在 ${formatDuration(windowMs)} 内不再变化`,
  'inbox.settling-longer': ({ doubt, windowMs }) => `${doubt}：等待它在 ${formatDuration(windowMs)} 内不再变化`,
  'inbox.open-for-writing': ({ command, pid }) => `${command}（pid ${pid}）正在写入它`,
  'inbox.downloading': ({ companion }) => `仍在下载：旁边有 ${companion}`,
  'inbox.empty': '它是空的',
  'inbox.unreadable-now': ({ errno }) => `暂时无法读取（${errno}）`,
  'inbox.never-written': '其中有些部分从未写入',
  'inbox.no-end': '它的格式没有标明在哪里结束',

  'inbox.file-empty': '文件是空的；变大后会自动处理',
  'inbox.file-incomplete': ({ why }) => `文件不完整：${why}；变大后会自动处理`,
  'inbox.permission-denied': '权限不足：运行 shrinkbox 的用户无法读取它',
  'inbox.cannot-list': ({ errno }) => `无法列出此文件夹（${errno}）`,
  'inbox.name-not-utf8': '文件名不是有效的 UTF-8；请重命名',
  'inbox.link-out': ({ target }) => `它是指向收件箱之外的链接（指向 ${target}）`,
  'inbox.path-too-long':
    '未处理：其路径超出系统可打开的长度（4,096 字节，单个名称 255 字节）；请移到更上层，或缩短文件夹名称',
  'inbox.not-seen': ({ errno }) => `暂未处理：系统无法说明它是什么（${errno}）；shrinkbox 会再次查看`,
  'inbox.named-pipe': '它是命名管道，不是文件',
  'inbox.character-device': '它是字符设备，不是文件',
  'inbox.block-device': '它是块设备，不是文件',
  'inbox.socket': '它是套接字，不是文件',
  'inbox.special-file': '它是特殊文件，不是普通文件',

  'inbox.misnamed-instruction': (p: { name: string; media: string }) =>
    `未把 ${p.name} 当作指令读取；如果它是给 ${p.media} 的，请改名为 ${p.media}.txt`,
  'inbox.unusable-instruction': ({ name, why }) => `无法使用指令文件 ${name}：${why}`,
  'inbox.instruction-unreadable': ({ errno }) => `无法读取（${errno}）`,
  'inbox.instruction-has-nul': '其中含有空字节（NUL），不是文本',
  'inbox.instruction-not-text': '它不是 UTF-8 文本',

  'inbox.ignored-hidden': '它的名称以点开头（隐藏文件）',
  'inbox.ignored-desktop': '它属于桌面系统',
  'inbox.ignored-nas': '它属于 NAS 或桌面系统',
  'inbox.ignored-temporary': '从名称看它是临时的',
  'inbox.ignored-unfinished': '从名称看它仍在写入',
  'inbox.ignored-downloader': '下载工具正在使用它',
};
