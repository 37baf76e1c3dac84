/**
 * What a pod's NODE_OPTIONS name, beside node_modules in the image of agent.Dockerfile. It runs on every thread of the program before the
 * program does, and must never throw: the agent's own gate does not.
 *
 * To have requests traced as well, install @opentelemetry/auto-instrumentations-node in agent.Dockerfile, and load its `register` here.
 */
require('gridwatch/register');
