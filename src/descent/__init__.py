"""Reference implementations for the book *From Gradient Descent to Adam*.

`import descent` needs NumPy alone; `descent.plotting` brings matplotlib when it is imported.
"""

from descent import conventions, landscapes, rules, schedules
from descent.minimize import Trajectory, minimize

__all__ = ["Trajectory", "conventions", "landscapes", "minimize", "rules", "schedules"]
__version__ = "0.1.0"
