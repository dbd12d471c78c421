"""What starts runs by itself: a sensor asks the engine one question and returns run requests, or why there are none.

Each looks at what is there and asks for what is missing, so that a tick that was lost is made up for by the next. Not
here: counting and deciding (vibe_pipeline, through Ladder), and what is launched (jobs/).
"""
