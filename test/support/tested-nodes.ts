/**
 * The Nodes that a test of the matrix runs on: the one the caller names by `GRIDWATCH_TEST_NODE`, else all lines. Runs in a
 * test's own process, at the top level of the test's file.
 */
import { defaultNode, findNode, type MissingNode, NODE_LINES, type NodeBinary } from './nodes.ts';

export interface TestedNodes {
  readonly present: readonly NodeBinary[];
  /** With the reason for which tests of theirs are skipped. */
  readonly missing: readonly MissingNode[];
}

export async function findTestedNodes(): Promise<TestedNodes> {
  if (process.env['GRIDWATCH_TEST_NODE'] !== undefined) return { present: [defaultNode()], missing: [] };
  const nodes = await Promise.all(NODE_LINES.map(async (line) => findNode(line)));
  return {
    present: nodes.filter((node) => 'file' in node),
    missing: nodes.filter((node) => 'reason' in node),
  };
}
