import { formatDuration } from '../../core/units.ts';
import type { Translation } from '../catalogue.ts';
import type { LIBRARY_EN } from '../en/library.ts';

const KINDS: Readonly<Record<string, string>> = {
  young: '新于 min_age（近期改动、移动或复制）',
  'hard-linked': '有多个名称（硬链接）',
  open: '正被程序使用',
  'done-before': '由 shrinkbox 制作',
  'brought-back': '由人恢复或之前尝试过',
  'name-taken': '成品名称被占用或重复',
  sparse: '大部分未写入',
  empty: '空文件',
  link: '链接或非普通文件',
  'not-ours': '属于其他用户，只有 root 能保留其所有者',
  unreadable: '无法读取',
  'no-rule': '没有适用的规则',
  codec: '编码比所要求的更高效',
  'no-encoder': '此 ffmpeg 缺少所要求的编码器',
  'would-lose': '成品会缺少内容',
  'below-floor': '画质会低于 floor 的要求',
  'saves-too-little': '已经很小',
  protected: '受版权保护',
  damaged: '损坏或不是影片',
};

interface On {
  path: string;
}

export const LIBRARY_ZH: Translation<typeof LIBRARY_EN> = {
  'library.not-owner':
    '本机的任何用户都能打开此页面；要在此规划和开始处理媒体库，请设置 http.token_file，或以运行 shrinkbox 的用户身份使用 `shrinkbox library`',
  'library.differences-visible': '即使以最高质量编码，也可能看得出差别',
  'library.stopped': '媒体库已停止',
  'library.held-up': p => `有 ${p.count} 个视频需要您处理；在处理其中一些之前不再开始新的视频`,
  'library.name-taken': ({ path }: On) => `其成品应为 ${path}，但该名称已被另一个文件占用`,
  'library.not-in-archive': ({ path }: On) => `归档中没有原件 ${path}；不再对它做任何处理`,
  'library.archive-misread': ({ path }: On) => `${path} 处的原件副本读回的内容不同`,
  'library.archive-damaged': ({ path }: On) => `${path} 的内容与归档时不同；未做任何改动`,
  'library.archive-damaged-hint': '请检查该磁盘，并从备份中取回原件；成品保留在原处。',
  'library.damaged': '其中有无法读取的部分，成品会不完整',
  'library.in-use': ({ path, program }: { path: string; program: string }) => `${program} 正在使用 ${path}`,
  'library.sidecars': ({ names, result }: { names: string; result: string }) => `按原件而不是 ${result} 命名：${names}`,
  'library.newer': ({ path }: On) => `期间有另一个文件占用了名称 ${path}；它会保留`,
  'library.no-refine': '媒体库中的影片不会再做其他版本；请先恢复其原件',
  'library.forget-restores-nothing': '其原件在归档中，只有此任务知道它的位置；请先恢复',
  'library.remarks': ({ remarks }: { remarks: string }) => remarks,
  'library.left-link': '它是链接；此处不处理它所指向的内容',
  'library.left-special': '它不是普通文件',
  'library.left-empty': '它是空的',
  'library.left-linked': ({ names }: { names: number }) => `它有 ${names} 个名称（硬链接），只有其中一个会变小`,
  'library.left-young': ({ minMs }: { minMs: number }) =>
    `它在最近 ${formatDuration(minMs)} 内被改动、移动或复制到此处（min_age）`,
  'library.left-sparse': '其大部分内容从未写入',
  'library.left-owner': ({ uid }: { uid: number }) => `它属于用户 ${uid}，只有 root 能保留这一点`,
  'library.left-taken': ({ name }: { name: string }) => `旁边的 ${name} 占用或需要其成品的名称`,
  'library.left-open': ({ program }: { program: string }) => `${program} 正在使用它`,
  'library.left-done': '它是 shrinkbox 制作的',
  'library.left-restored': '其原件已由人恢复',
  'library.left-earlier': ({ why }: { why: string }) => `之前尝试过：${why}`,
  'library.left-unreadable': ({ why }: { why: string }) => `无法读取：${why}`,
  'library.kind': ({ kind }: { kind: string }) => KINDS[kind] ?? kind,
  'library.left-under-way': '正在处理',
  'library.no-folder': ({ path }: On) => `没有文件夹 ${path}`,
  'library.planning': ({ folder }: { folder: string }) => `正在查看 ${folder}；一次只做一个计划`,
  'library.at-work': ({ folder }: { folder: string }) => `${folder} 正在按已确认的计划处理`,
  'library.at-work-hint': ({ folder }: { folder: string }) =>
    `请先停止：\`shrinkbox library stop ${folder}\`。已完成的会保留。`,
  'library.other-plan': ({ folder }: { folder: string }) => `${folder} 在要启动的计划之后又做了新的计划`,
  'library.checking': '检查正在进行',
  'library.no-plan': ({ folder }: { folder: string }) => `${folder} 没有计划，或其规则已更改`,
  'library.no-plan-hint': ({ folder }: { folder: string }) =>
    `请先运行 \`shrinkbox library plan ${folder}\` 并阅读结果。`,
  'library.waits': ({ path, why }: On & { why: string }) => `${path} 正在等待：${why}`,
  'library.superseded': ({ why }: { why: string }) => `${why}；它会出现在该媒体库的下一份计划中`,
  'library.nothing-to-do': ({ folder }: { folder: string }) =>
    `按计划，${folder} 中没有需要处理的影片；原因请看 \`shrinkbox library plan\``,
  'library.not-configured': ({ folder }: { folder: string }) => `${folder} 不是配置中的媒体库`,
  'library.not-configured-hint': '请在 folders 中加入 “- library: DIR” 及其 archive，然后重新加载或重启 shrinkbox。',
  'library.plan-changed': '确认之后又做了另一个计划；请启动那一个，或重新计划',
  'library.check-archive': '它的内容已不再是原件',
  'library.check-changed': '它已不是 shrinkbox 放在那里的文件',
  'library.left-over-part': '这是一个未完成的文件，所属的任务已无人知晓',
  'library.left-over-reserved': '这是为某个任务占住文件名的空文件，那个任务已无人知晓',
  'library.left-over-name': ({ name }) => `这是 ${name} 的第二个名字，所属的任务已无人知晓`,
  'library.left-over-kept': '这是隐藏名字下的原件，归档里也有',
  'library.left-over-original': ({ name }) =>
    `这是隐藏名字下的 ${name} 的原件，它的位置被一个已无人知晓的任务的成品占着`,
  'library.left-over-nameless': '这是隐藏名字下的原件，原名已无从得知；改个名字即可取回',
  'library.left-over-result': ({ name }) => `这是 ${name} 的成品，而原件还在原处；所属的任务已无人知晓`,
  'library.left-over-archived': '原件还在影片库的原处，把它放进归档的任务已无人知晓',
};
