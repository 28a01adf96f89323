import { formatBytes } from '../../core/units.ts';
import type { Translation } from '../catalogue.ts';
import type { DELIVER_EN } from '../en/deliver.ts';

export const DELIVER_ZH: Translation<typeof DELIVER_EN> = {
  'deliver.checking': ({ path }) => `检查 ${path}`,
  'deliver.listing': ({ path }) => `列出 ${path}`,
  'deliver.making': ({ path }) => `创建文件夹 ${path}`,
  'deliver.clearing': ({ path }) => `删除 ${path}`,
  'deliver.comparing': ({ path }) => `比较 ${path}`,
  'deliver.publishing': ({ path }) => `发布 ${path}`,
  'deliver.syncing': ({ path }) => `同步 ${path}`,
  'deliver.deleting': ({ path }) => `删除 ${path}`,
  'deliver.moving': ({ path }) => `移动 ${path}`,
  'deliver.reporting': ({ path }) => `向 ${path} 写入报告`,
  'deliver.reading-report': ({ path }) => `读取报告 ${path}`,
  'deliver.removing-report': ({ path }) => `删除报告 ${path}`,

  'deliver.folder-replaced': ({ path }) => `${path} 已不是原来的文件夹：磁盘被卸载，或被另一个文件夹取代`,
  'deliver.folder-replaced-hint': '请重新挂载磁盘或共享；如果是有意更换文件夹，请重启 shrinkbox。',
  'deliver.folder-refused': ({ path, why }) => `无法向 ${path} 放入文件：${why}`,
  'deliver.folder-refused-hint': '请移走或重命名那里的文件，或修改该文件夹的输出模板或输出文件夹。',
  'deliver.restore-refused-hint': '请移走或重命名那里的内容，然后再恢复。',
  'deliver.link-out': ({ root }) => `它是指向 ${root} 之外的链接`,
  'deliver.not-a-folder': '它已存在，而且不是文件夹',
  'deliver.forbidden': '它位于收件箱或状态目录之内',

  'deliver.empty-name': '输出模板得出的文件名是空的',
  'deliver.names-used-up': ({ folder, name, count }) => `${folder} 中已有 ${count} 个与 ${name} 同名的文件`,
  'deliver.names-used-up-hint': '请清理输出文件夹，或在输出模板中加入每个文件都不同的内容。',
  'deliver.reports-used-up-hint': '请清理输出文件夹中的旧报告。',
  'deliver.stopped': '在发布结果之前已停止',
  'deliver.full': ({ folder, neededBytes }) => `${folder} 已满：结果需要 ${formatBytes(neededBytes)}`,
  'deliver.full-by': ({ folder, neededBytes, missingBytes }) =>
    `${folder} 已满：结果需要 ${formatBytes(neededBytes)}，还差 ${formatBytes(missingBytes)}`,
  'deliver.outbox-denied-hint': ({ outbox }) =>
    `请让运行 shrinkbox 的用户可以写入 ${outbox}（“shrinkbox doctor” 会测试）；之后 shrinkbox 会自动继续。`,
  'deliver.outbox-read-only-hint': ({ outbox }) =>
    `${outbox} 所在的文件系统是只读挂载的，内核在出错后也会这样做（“dmesg” 可以查看）。请检查磁盘，并以可写方式挂载；之后 shrinkbox 会自动继续。`,
  'deliver.full-hint': '请在那里腾出空间；之后 shrinkbox 会自动继续。',
  'deliver.changed': ({ path }) => `${path} 在检查之后被修改`,
  'deliver.work-repeated': '有其他程序在写状态目录，或其磁盘有故障。该任务会重做。',
  'deliver.misread': ({ folder }) => `${folder} 中的副本读回后内容不一致`,
  'deliver.temp-exchanged': ({ path }) => `${path} 是 shrinkbox 的文件，但在交付时被换成了另一个文件`,
  'deliver.exchanged-hint': '请检查还有谁可以写入该文件夹。',
  'deliver.check-disk': '请检查磁盘、数据线或网络。',

  'deliver.archive-read-only': ({ path, archive }) => `无法归档 ${path}：${archive} 所在磁盘是只读的（EROFS）`,
  'deliver.archive-read-only-hint':
    '磁盘出错后会变为只读：请查看 `dmesg`，再以可写方式重新挂载；之后 shrinkbox 会自动继续。',
  'deliver.result-gone': ({ path }) => `其结果已不在 ${path}`,
  'deliver.original-changed': ({ path }) => `${path} 在处理之后被修改；原文件保持原样`,
  'deliver.access-lost': '该磁盘无法保留原文件的访问控制列表，因此在那里只有运行 shrinkbox 的用户可以读取它',
  'deliver.attributes-lost': '该磁盘无法保留原文件的全部扩展属性',
  'deliver.access-and-attributes-lost':
    '该磁盘无法保留原文件的访问控制列表和全部扩展属性；在那里只有运行 shrinkbox 的用户可以读取它',
  'deliver.original-misread': ({ folder }) => `${folder} 中的副本读回后内容不一致；原文件已保留`,
  'deliver.not-the-archived': ({ path }) => `${path} 已不是当初归档的文件：内容不同`,
  'deliver.not-the-archived-hint': '请查看该文件；如果是您要的，请手动移回。',
  'deliver.not-archived': ({ path }) => `${path} 已不在归档中`,
  'deliver.not-archived-hint': '可能已超过 archive_days，或被人移走。',
  'deliver.in-the-way': ({ path }) => `${path} 处已有另一个文件`,
  'deliver.in-the-way-hint': '请移走或重命名该文件，然后重试。',
};
