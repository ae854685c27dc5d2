/** Runs on the private queue of the process that dumps: hands a pace to the governor of its dump. */
import type { ActivityDeps } from './deps';
import type { HoldfastActivities } from './types';

export function createPaceActivities(deps: Pick<ActivityDeps, 'governors'>): Pick<HoldfastActivities, 'applyPace'> {
  return {
    applyPace({ backupId, pace }) {
      const dump = deps.governors.find(backupId);
      dump?.governor.apply(pace);
      return Promise.resolve({
        sequence: dump?.governor.pace.sequence ?? pace.sequence,
        at: new Date().toISOString(),
        found: dump !== undefined,
      });
    },
  };
}
