import type { Translation } from '../catalogue.ts';
import type { COMPLETENESS_EN } from '../en/completeness.ts';

export const COMPLETENESS_ZH: Translation<typeof COMPLETENESS_EN> = {
  'completeness.share-of-media': ({ percent }) => (percent === 0 ? '媒体数据不到 1 %' : `媒体数据只有 ${percent} %`),
  'completeness.share-of-announced': ({ percent }) =>
    percent === 0 ? '不到文件头所标大小的 1 %' : `只有文件头所标大小的 ${percent} %`,
  'completeness.inside-box': ({ type }) => `它在“${type}” box 中间就结束了`,
  'completeness.unwritten-part': '其中一部分已分配空间但尚未写入',
  'completeness.unwritten': '已为它分配空间，但尚未写入任何内容',
  'completeness.bad-structure': '它的结构前后不一致',
  'completeness.no-index': '它的索引（moov）还没有写入',
  'completeness.no-media': '它的媒体数据（mdat）还没有写入',
  'completeness.fragments-without-index': '它是分段的，而且没有索引标明在哪里结束',
  'completeness.empty-end': '它的末尾是空的',
  'completeness.only-header': '它在文件头之后就结束了',
  'completeness.inside-cluster': '它在一个 cluster 中间就结束了',
  'completeness.no-clusters': '它的媒体数据还没有写入',
  'completeness.live': '它是实时录制的，没有标明在哪里结束',
  'completeness.header-unfinished': '它的文件头没有写完',
  'completeness.cut-packet': ({ bytes, packetBytes }) => `最后一个数据包不完整（${bytes} / ${packetBytes} 字节）`,
  'completeness.end-missing': '它的末尾缺失',
  'completeness.cut-tag': '最后一个 tag 不完整',
};
