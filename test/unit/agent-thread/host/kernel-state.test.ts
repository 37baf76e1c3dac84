/** What a thread is blocked in, by system call and by kernel function. */
import { describe, expect, it } from 'vitest';
import { stateOfFunction, syscallStates } from '../../../../agent/agent-thread/host/kernel-state.ts';

describe('syscallStates', () => {
  it.each([
    ['x64', 232, 'idle'],
    ['x64', 281, 'idle'],
    ['x64', 441, 'idle'],
    ['x64', 202, 'futex'],
    ['x64', 0, 'blocked_io'],
    ['x64', 74, 'blocked_io'],
    ['x64', 332, 'blocked_io'],
    ['x64', 426, 'blocked_io'],
    ['x64', 35, undefined],
    ['arm64', 22, 'idle'],
    ['arm64', 98, 'futex'],
    ['arm64', 63, 'blocked_io'],
    ['arm64', 82, 'blocked_io'],
    ['arm64', 202, 'blocked_io'],
    ['arm64', 281, undefined],
  ])('on %s, call %i is %s', (arch, number, state) => {
    expect(syscallStates(arch)?.get(number)).toBe(state);
  });

  it('does not guess the numbers of other architectures', () => {
    expect(syscallStates('s390x')).toBeUndefined();
  });
});

describe('stateOfFunction', () => {
  it.each([
    ['0', 'R', 'on_cpu'],
    ['do_epoll_wait', 'S', 'idle'],
    ['ep_poll', 'S', 'idle'],
    ['futex_wait_queue_me', 'S', 'futex'],
    ['__futex_wait', 'S', 'futex'],
    ['anon_pipe_read', 'S', 'blocked_io'],
    ['folio_wait_bit_common', 'D', 'blocked_io'],
    ['some_new_function', 'D', 'blocked_io'],
    ['hrtimer_nanosleep', 'S', 'other'],
    ['0', 'S', 'other'],
    ['', '?', 'other'],
  ])('%s in state %s is %s', (kernelFunction, letter, state) => {
    expect(stateOfFunction(kernelFunction, letter)).toBe(state);
  });
});
