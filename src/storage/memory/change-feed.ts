import { ChangeListeners } from '../change-listeners.js'
import { Commit } from './commit.js'

/** Tells listeners of commits; gathers nothing while nobody listens. */
export class ChangeFeed extends ChangeListeners {
  /** Begins a commit, for {@link ChangeFeed.publish} once it is made. */
  begin(): Commit {
    return new Commit(this.size > 0)
  }

  publish(commit: Commit): void {
    if (this.size > 0) this.tell(commit.changes())
  }
}
