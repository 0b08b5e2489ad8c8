"""The process of the service: the socket, the worker processes, what a connection may do.

- ``binding``: which address may be listened on, and the listening socket.
- ``supervisor``: starts worker processes, replaces dead ones, stops all of them.
- ``inherited``: what a supervisor hands to its workers.
- ``run``: one worker process: an application served on the supervisor's socket until it is told to stop.
- ``protocol``: HTTP/1.1 with limits of size and time on everything that a client sends or fails to take.
- ``closing``: how requests learn that the service stops.
"""
