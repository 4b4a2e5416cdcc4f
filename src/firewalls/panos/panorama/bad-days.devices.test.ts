import { groupsOnBadDays, rulesOnBadDays } from '../../../../test/kit/bad-day-worlds.ts';
import { panoramaBadDays } from '../../../../test/kit/panorama-bad-days.ts';
import { badDays } from '../../contract/bad-days.ts';
import { FULL } from '../lab.fixture.ts';

badDays('Panorama, rules and translations', () => panoramaBadDays(FULL), rulesOnBadDays());
badDays('Panorama, groups alone', () => panoramaBadDays({ position: { before: 'rest' } }), groupsOnBadDays);
