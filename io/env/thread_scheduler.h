// Which threads go on when somebody else says so: the actors of a simulation. What starts threads
// of its own asks here whether it may.
#pragma once

#include "io/env/together.h"

namespace og::io {

// Who decides when this thread goes on; null for a thread that runs freely.
Scheduler* SchedulerOfThisThread();

// Says so of this thread, to its end.
void SetSchedulerOfThisThread(Scheduler* scheduler);

}  // namespace og::io
